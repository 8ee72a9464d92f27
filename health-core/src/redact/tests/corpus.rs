//! What drivers and clients really say, with secrets where they really stand: the texts are those of the `Display` of
//! their errors, joined with those of their sources, and what servers answer.

use super::super::text;

const CORPUS: &[(&str, &[(&str, &str)])] = &[
    (
        "sqlx and tokio-postgres",
        &[
            ("error returned from database: password authentication failed for user \"app\"", SAME),
            ("error returned from database: relation \"tokens\" does not exist", SAME),
            ("pool timed out while waiting for an open connection", SAME),
            ("error communicating with database: Connection refused (os error 111)", SAME),
            (
                "error with configuration: invalid port number: postgres://app:hunter2@db:5432x/orders",
                "error with configuration: invalid port number: postgres://app:***@db:5432x/orders",
            ),
            (
                "error with configuration: relative URL without a base: app:hunter2@db/orders",
                "error with configuration: relative URL without a base: app:***@db/orders",
            ),
            (
                "error returned from database: unrecognized configuration parameter \"app.token\" in \"ALTER ROLE app WITH PASSWORD 'hunter2'\"",
                "error returned from database: unrecognized configuration parameter \"app.token\" in \"ALTER ROLE app WITH PASSWORD '***'\"",
            ),
            (
                "PgConnectOptions { host: \"db\", port: 5432, socket: None, username: \"app\", password: Some(\"hunter2\"), database: Some(\"orders\"), ssl_mode: Prefer }",
                "PgConnectOptions { host: \"db\", port: 5432, socket: None, username: \"app\", password: Some(\"***\"), database: Some(\"orders\"), ssl_mode: Prefer }",
            ),
            (
                "invalid connection string: unexpected EOF in 'host=db user=app password=hunter2 sslmode'",
                "invalid connection string: unexpected EOF in 'host=db user=app password=*** sslmode'",
            ),
            (
                "db error: FATAL: no pg_hba.conf entry for host \"10.0.0.7\", user \"app\", database \"orders\", no encryption",
                SAME,
            ),
            ("db error: ERROR: duplicate key value violates unique constraint \"tokens_pkey\"", SAME),
            (
                "error occurred while decoding column \"token\": unexpected null; try decoding as an `Option`",
                SAME,
            ),
            ("error returned from database: (code: 14) unable to open database file", SAME),
        ],
    ),
    (
        "mysql",
        &[
            (
                "Server error: `ERROR 28000 (1045): Access denied for user 'app'@'10.0.0.7' (using password: YES)'",
                SAME,
            ),
            ("URL error: `Invalid value `x' for connection URL parameter `pool_min''", SAME),
            (
                "URL error: `URL parse error: invalid port number' in mysql://app:p@ss:w/rd@db/orders",
                "URL error: `URL parse error: invalid port number' in mysql://app:***@db/orders",
            ),
            (
                "dial app:hunter2@tcp(db:3306)/orders?parseTime=true: refused",
                "dial app:***@tcp(db:3306)/orders?parseTime=true: refused",
            ),
            (
                "ERROR 1064 (42000): You have an error in your SQL syntax near 'CREATE USER app IDENTIFIED BY 'hunter2''",
                "ERROR 1064 (42000): You have an error in your SQL syntax near 'CREATE USER app IDENTIFIED BY '***''",
            ),
            (
                "mysqldump -h db -u app --password=hunter2 orders: exit status 2",
                "mysqldump -h db -u app --password=*** orders: exit status 2",
            ),
        ],
    ),
    (
        "redis",
        &[
            ("NOAUTH: Authentication required.", SAME),
            (
                "Password authentication failed- AuthenticationFailed: WRONGPASS invalid username-password pair or user is disabled.",
                SAME,
            ),
            ("An error was signalled by the server - MOVED: 3999 127.0.0.1:6381", SAME),
            (
                "Redis URL did not parse- InvalidClientConfig: redis://:hunter2@cache:port/0",
                "Redis URL did not parse- InvalidClientConfig: redis://:***@cache:port/0",
            ),
            (
                "cannot open rediss://default:aB3/x@y@cache.internal:6380/0: Connection reset by peer (os error 104)",
                "cannot open rediss://default:***@cache.internal:6380/0: Connection reset by peer (os error 104)",
            ),
            ("READONLY: You can't write against a read only replica.", SAME),
            (
                "ConnectionInfo { addr: Tcp(\"cache\", 6379), redis: RedisConnectionInfo { db: 0, username: None, password: Some(\"hunter2\"), protocol: RESP2 } }",
                "ConnectionInfo { addr: Tcp(\"cache\", 6379), redis: RedisConnectionInfo { db: 0, username: None, password: Some(\"***\"), protocol: RESP2 } }",
            ),
            (
                "cache:6379,password=hunter2,ssl=True,abortConnect=False",
                "cache:6379,password=***,ssl=True,abortConnect=False",
            ),
        ],
    ),
    (
        "reqwest and hyper",
        &[
            (
                "error sending request for url (https://api.example.com/v1/me?access_token=hunter2&page=2): client error (Connect): tcp connect error: Connection refused (os error 111)",
                "error sending request for url (https://api.example.com/v1/me?access_token=***&page=2): client error (Connect): tcp connect error: Connection refused (os error 111)",
            ),
            (
                "error sending request for url (https://app:hunter2@api.example.com/): operation timed out",
                "error sending request for url (https://app:***@api.example.com/): operation timed out",
            ),
            ("HTTP status client error (401 Unauthorized) for url (https://api.example.com/v1/tokens)", SAME),
            (
                "HTTP status server error (503 Service Unavailable) for url (http://10.0.0.7:8080/health)",
                SAME,
            ),
            ("error decoding response body: missing field `token` at line 1 column 42", SAME),
            ("error decoding response body: expected value at line 1 column 1", SAME),
            ("builder error: relative URL without a base", SAME),
            ("dns error: failed to lookup address information: Name or service not known", SAME),
            ("invalid peer certificate: UnknownIssuer", SAME),
            (
                "HeaderMap {\"authorization\": \"Bearer hunter2\", \"x-api-key\": Sensitive, \"accept\": \"*/*\"}",
                "HeaderMap {\"authorization\": \"Bearer ***\", \"x-api-key\": Sensitive, \"accept\": \"*/*\"}",
            ),
            (
                "Request { method: GET, url: Url { scheme: \"https\", cannot_be_a_base: false, username: \"app\", password: Some(\"hunter2\"), host: Some(Domain(\"api\")), port: None, path: \"/\", query: None, fragment: None }, headers: {\"cookie\": \"sid=hunter2; a=b\"} }",
                "Request { method: GET, url: Url { scheme: \"https\", cannot_be_a_base: false, username: \"app\", password: Some(\"***\"), host: Some(Domain(\"api\")), port: None, path: \"/\", query: None, fragment: None }, headers: {\"cookie\": \"***\"} }",
            ),
            (
                "error following redirect for url (https://idp/cb#access_token=hunter2&token_type=Bearer)",
                "error following redirect for url (https://idp/cb#access_token=***&token_type=Bearer)",
            ),
            (
                "proxy error: Proxy-Authorization: Basic YXBwOmh1bnRlcjI= was refused with 407",
                "proxy error: Proxy-Authorization: Basic *** was refused with 407",
            ),
            (
                "401: {\"error\":\"invalid_client\",\"client_secret\":\"hunter2\",\"error_description\":\"Invalid client secret provided.\"}",
                "401: {\"error\":\"invalid_client\",\"client_secret\":\"***\",\"error_description\":\"Invalid client secret provided.\"}",
            ),
            (
                "Incorrect API key provided: sk-proj-abc123DEF456ghi789. You can find your API key at https://platform.openai.com/account/api-keys.",
                "Incorrect API key provided: *** You can find your API key at https://platform.openai.com/account/api-keys.",
            ),
        ],
    ),
    (
        "lapin",
        &[
            ("IO error: Connection refused (os error 111)", SAME),
            (
                "protocol error: AMQP hard error: ACCESS-REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.",
                SAME,
            ),
            ("protocol error: AMQP soft error: NOT_FOUND - no queue 'tokens' in vhost '/'", SAME),
            (
                "Invalid URL: 'amqp://app:hunter2@mq:5672/%2f%2f'",
                "Invalid URL: 'amqp://app:***@mq:5672/%2f%2f'",
            ),
            (
                "AMQPUri { scheme: AMQP, authority: AMQPAuthority { userinfo: AMQPUserInfo { username: \"app\", password: \"hunter2\" }, host: \"mq\", port: 5672 }, vhost: \"/\" }",
                "AMQPUri { scheme: AMQP, authority: AMQPAuthority { userinfo: AMQPUserInfo { username: \"app\", password: \"***\" }, host: \"mq\", port: 5672 }, vhost: \"/\" }",
            ),
            ("invalid channel state: Closed (basic.publish)", SAME),
        ],
    ),
    (
        "async-nats",
        &[
            ("IO error: failed to lookup address information: Temporary failure in name resolution", SAME),
            ("authorization violation: nats: authorization violation", SAME),
            (
                "failed to parse server or server list: nats://app:hunter2@nats-1:4222,nats://s3cr3t@nats-2:4222",
                "failed to parse server or server list: nats://app:***@nats-1:4222,nats://***@nats-2:4222",
            ),
            ("reached maximum number of reconnects", SAME),
            (
                "failed signing nonce: cannot parse seed SUAM7GDLNRYDWA5BMVM3VHGVRZPSDNXTFG4DO6DSKGG6HHS7XQAVCGD6BQ",
                "failed signing nonce: cannot parse seed ***",
            ),
            (
                "CONNECT {\"verbose\":false,\"user\":\"app\",\"pass\":\"hunter2\",\"auth_token\":\"hunter2\",\"lang\":\"rust\"}",
                "CONNECT {\"verbose\":false,\"user\":\"app\",\"pass\":\"***\",\"auth_token\":\"***\",\"lang\":\"rust\"}",
            ),
        ],
    ),
    (
        "tonic",
        &[
            (
                "code: 'The request does not have valid authentication credentials', message: \"invalid token: expired\"",
                SAME,
            ),
            (
                "code: 'Some entity that we attempted to create already exists', message: \"user app\", source: transport error",
                SAME,
            ),
            (
                "status: Unauthenticated, message: \"bad token\", details: [], metadata: MetadataMap { headers: {\"authorization\": \"Bearer hunter2\", \"content-type\": \"application/grpc\"} }",
                "status: Unauthenticated, message: \"bad token\", details: [], metadata: MetadataMap { headers: {\"authorization\": \"Bearer ***\", \"content-type\": \"application/grpc\"} }",
            ),
            (
                "transport error: error trying to connect: tcp connect error: Connection refused (os error 111)",
                SAME,
            ),
            (
                "status: Unavailable, message: \"connect to https://app:hunter2@grpc:443 failed\"",
                "status: Unavailable, message: \"connect to https://app:***@grpc:443 failed\"",
            ),
        ],
    ),
    (
        "mongodb",
        &[
            (
                "An invalid argument was provided: connection string contains no database: mongodb+srv://app:p%40ss@cluster0.mongodb.net/?retryWrites=true",
                "An invalid argument was provided: connection string contains no database: mongodb+srv://app:***@cluster0.mongodb.net/?retryWrites=true",
            ),
            ("SCRAM failure: bad auth : Authentication failed.", SAME),
            (
                "Server selection timeout: No available servers. Topology: { Type: Unknown, Servers: [ { Address: h1:27017, Type: Unknown, Error: Kind: I/O error: timed out } ] }",
                SAME,
            ),
            (
                "Credential { username: Some(\"app\"), source: None, password: Some(\"hunter2\"), mechanism: None }",
                "Credential { username: Some(\"app\"), source: None, password: Some(\"***\"), mechanism: None }",
            ),
            (
                "cannot reach mongodb://app:hunter2@h1:27017,h2:27017/orders",
                "cannot reach mongodb://app:***@h1:27017,h2:27017/orders",
            ),
        ],
    ),
    (
        "kafka",
        &[
            (
                "KafkaError (Client creation error: No provider for SASL mechanism GSSAPI: recompile librdkafka with libsasl2)",
                SAME,
            ),
            (
                "Client config error: Invalid value for configuration property sasl.password hunter2",
                "Client config error: Invalid value for configuration property sasl.password ***",
            ),
            (
                "KafkaError (Client config error: No such configuration property: \"sasl.pasword\" sasl.password=hunter2 x)",
                "KafkaError (Client config error: No such configuration property: \"sasl.pasword\" sasl.password=*** x)",
            ),
            (
                "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"app\" password=\"hun;ter 2\"; retry",
                "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"app\" password=\"***\"; retry",
            ),
            ("Meta data fetch error: BrokerTransportFailure (Local: Broker transport failure)", SAME),
            (
                "broker-1:9092/bootstrap: SASL authentication error: Authentication failed during authentication due to invalid credentials",
                SAME,
            ),
        ],
    ),
    (
        "clouds",
        &[
            ("dispatch failure: io error: error trying to connect: dns error", SAME),
            (
                "service error: InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records: AKIAIOSFODNN7EXAMPLE",
                "service error: InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records: ***",
            ),
            (
                "SignatureDoesNotMatch: <AWSAccessKeyId>AKIAIOSFODNN7EXAMPLE</AWSAccessKeyId><StringToSign>AWS4</StringToSign><SignatureProvided>fe5f80</SignatureProvided>",
                "SignatureDoesNotMatch: <AWSAccessKeyId>***</AWSAccessKeyId><StringToSign>AWS4</StringToSign><SignatureProvided>***</SignatureProvided>",
            ),
            (
                "Credentials { provider_name: \"Environment\", access_key_id: \"AKIAIOSFODNN7EXAMPLE\", secret_access_key: \"** redacted **\", expires_after: \"never\" }",
                "Credentials { provider_name: \"Environment\", access_key_id: \"***\", secret_access_key: \"** redacted **\", expires_after: \"never\" }",
            ),
            ("NoSuchKey: The specified key does not exist. Key: orders/42", SAME),
            (
                "DefaultEndpointsProtocol=https;AccountName=orders;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6==;EndpointSuffix=core.windows.net",
                "DefaultEndpointsProtocol=https;AccountName=orders;AccountKey=***;EndpointSuffix=core.windows.net",
            ),
            (
                "403 for https://orders.blob.core.windows.net/c/b?sv=2022-11-02&ss=b&srt=sco&sp=r&se=2026-01-01T00:00:00Z&sig=a%2Fb%3D: AuthenticationFailed",
                "403 for https://orders.blob.core.windows.net/c/b?sv=2022-11-02&ss=b&srt=sco&sp=r&se=2026-01-01T00:00:00Z&sig=***: AuthenticationFailed",
            ),
            (
                "{\"type\":\"service_account\",\"private_key_id\":\"0a1b\",\"private_key\":\"-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n\",\"client_id\":\"1\"}",
                "{\"type\":\"service_account\",\"private_key_id\":\"***\",\"private_key\":\"***\",\"client_id\":\"1\"}",
            ),
            (
                "vault: permission denied for token hvs.CAESIJ0123456789abcdef",
                "vault: permission denied for token ***",
            ),
        ],
    ),
    (
        "ldap, mail and others",
        &[
            (
                "LDAP operation result: rc=49 (invalidCredentials), dn: \"\", text: \"80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 52e, v4563\"",
                SAME,
            ),
            (
                "url parse error: ldap://cn=admin:hunter2@ldap:389",
                "url parse error: ldap://cn=admin:***@ldap:389",
            ),
            (
                "LdapConfig { bind_dn: \"cn=app\", bind_password: \"hunter2\", url: \"ldaps://ldap\" }",
                "LdapConfig { bind_dn: \"cn=app\", bind_password: \"***\", url: \"ldaps://ldap\" }",
            ),
            (
                "permanent error (535): 5.7.8 Username and Password not accepted. For more information, go to https://support.google.com/mail/?p=BadCredentials",
                SAME,
            ),
            (
                "permanent error (535): Authentication failed after AUTH PLAIN AGFwcABodW50ZXIy",
                "permanent error (535): Authentication failed after AUTH PLAIN ***",
            ),
            (
                "smtps://app%40example.com:hunter2@smtp.example.com:465: Connection error: timed out",
                "smtps://app%40example.com:***@smtp.example.com:465: Connection error: timed out",
            ),
            (
                "[HY000] DRIVER={ODBC Driver 18};SERVER=db,1433;UID=sa;PWD={hun;ter}}2};Encrypt=yes",
                "[HY000] DRIVER={ODBC Driver 18};SERVER=db,1433;UID=sa;PWD=***;Encrypt=yes",
            ),
            ("ORA-12154: scott/tiger@//db:1521/orders", "ORA-12154: scott/***@//db:1521/orders"),
            (
                "fatal: unable to access 'https://ghp_0123456789abcdef0123@github.com/a/b.git/': 403",
                "fatal: unable to access 'https://***@github.com/a/b.git/': 403",
            ),
            ("Permission denied (os error 13): /run/secrets/db_password", SAME),
            ("invalid type: string \"hunter\", expected u16 for key `port`", SAME),
            ("thread 'main' panicked at src/main.rs:12:5: called `Option::unwrap()` on a `None` value", SAME),
        ],
    ),
];

/// Nothing in it is secret.
const SAME: &str = "";

#[test]
fn real_messages_lose_their_secrets_and_nothing_else() {
    let mut wrong = Vec::new();
    let messages = CORPUS.iter().flat_map(|(_, messages)| *messages);
    for (raw, clean) in messages.clone() {
        let clean = if *clean == SAME { raw } else { clean };
        let is = text(raw);
        if is != *clean || text(&is) != is {
            wrong.push(format!("{raw}\n  is {is}\n not {clean}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(messages.count() >= 60);
}
