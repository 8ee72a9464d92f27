//! Secrets in every notation, and what must stay readable.

use super::super::text;

#[track_caller]
fn all(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (raw, clean) in cases {
        let is = text(raw);
        if is != *clean {
            wrong.push(format!("{raw}\n  is {is}\n not {clean}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn in_addresses() {
    all(&[
        ("postgres://app:hunter2@db:5432/x", "postgres://app:***@db:5432/x"),
        ("redis://:p@ss/w@cache:6379", "redis://:***@cache:6379"),
        ("postgres://app:hunter2\n@db", "postgres://app:***@db"),
        ("postgres://app:it's@db/x", "postgres://app:***@db/x"),
        ("'postgres://app:it@db/x' and 'a@b'", "'postgres://app:***@db/x' and 'a@b'"),
        ("url postgres://app:two words@db/x refused", "url postgres://app:***@db/x refused"),
        ("mongodb://u:p@h1:27017,h2:27017/db", "mongodb://u:***@h1:27017,h2:27017/db"),
        ("amqp://a:b@h1:5672,amqp://c:d@h2:5672", "amqp://a:***@h1:5672,amqp://c:***@h2:5672"),
        ("nats://s3cr3t@h1:4222", "nats://***@h1:4222"),
        ("redis://hunter2@cache/0", "redis://***@cache/0"),
        ("https://x-oauth@github.com/a/b", "https://***@github.com/a/b"),
        ("postgres://app@db/x", "postgres://app@db/x"),
        ("ssh://git@github.com/a/b", "ssh://git@github.com/a/b"),
        ("amqp://0123456789abcdef0123@mq", "amqp://***@mq"),
        ("postgres%3A%2F%2Fu%3Ap%40h%2Fdb", "postgres%3A%2F%2Fu%3A***%40h%2Fdb"),
        ("?next=redis%253A%252F%252F%253Ap%2540h&x=1", "?next=redis%253A%252F%252F%253A***%2540h&x=1"),
        (r#"{"u":"amqp:\/\/u:p@h\/v"}"#, r#"{"u":"amqp:\/\/u:***@h\/v"}"#),
        ("app:hunter2@tcp(db:3306)/x refused", "app:***@tcp(db:3306)/x refused"),
        ("dial app:hunter2@db:5432 refused", "dial app:***@db:5432 refused"),
        ("scott/tiger@//db:1521/xe", "scott/***@//db:1521/xe"),
        ("jdbc:oracle:thin:scott/tiger@db:1521:xe", "jdbc:oracle:thin:scott/***@db:1521:xe"),
        ("jdbc:mysql://h:3306/d?user=u&password=p@ss", "jdbc:mysql://h:3306/d?user=u&password=***"),
        (
            "jdbc:sqlserver://h:1433;user=sa;password=p@ss;x=1",
            "jdbc:sqlserver://h:1433;user=sa;password=***;x=1",
        ),
        ("https://h/p?token=a.b&page=2", "https://h/p?token=***&page=2"),
        ("GET /x?api_key=abc&key=def&n=1", "GET /x?api_key=***&key=***&n=1"),
        (
            "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524&X-Amz-Date=2013&X-Amz-Signature=aeee",
            "https://b.s3.amazonaws.com/k?X-Amz-Credential=***&X-Amz-Date=2013&X-Amz-Signature=***",
        ),
        (
            "https://a.blob.core.windows.net/c?sv=2022&sig=Ab%2F%3D&se=1",
            "https://a.blob.core.windows.net/c?sv=2022&sig=***&se=1",
        ),
        ("https://hooks.slack.com/services/T00/B00/abcdef", "https://hooks.slack.com/services/***"),
        ("https://api.telegram.org/bot12:AAbb/getMe", "https://api.telegram.org/bot***"),
        ("http://[::1]:8080/x and https://u:p@[::1]:1/", "http://[::1]:8080/x and https://u:***@[::1]:1/"),
        ("postgres://u:123456/7@h/x", "postgres://u:***@h/x"),
        ("postgres://u:secret", "postgres://u:***"),
        ("postgres://db:deadbeef", "postgres://db:***"),
    ]);
}

#[test]
fn by_name() {
    all(&[
        ("host=db password=hunter2 user=app", "host=db password=*** user=app"),
        (r"host=db password = 'a \'b c' user=app", "host=db password = '***' user=app"),
        ("host=db password=a,b;c&d user=app", "host=db password=*** user=app"),
        ("host=db password= user=app", "host=db password= user=app"),
        ("Server=db;Pwd='a b;c';Uid=x", "Server=db;Pwd='***';Uid=x"),
        ("Server=db;Password=a;b;User ID=x;", "Server=db;Password=***;User ID=x;"),
        ("Pwd='it''s';Uid=x", "Pwd='***';Uid=x"),
        ("DRIVER={ODBC};UID=sa;PWD={a;b}}c};X=1", "DRIVER={ODBC};UID=sa;PWD=***;X=1"),
        (r#"required username="u" password="x";"#, r#"required username="u" password="***";"#),
        (
            "Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=aGk=;E=1",
            "Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=***;E=1",
        ),
        ("Endpoint=x;AccountKey=aGk=;y=z", "Endpoint=x;AccountKey=***;y=z"),
        ("h:6379,password=x,ssl=True", "h:6379,password=***,ssl=True"),
        ("DB_PASSWORD: hunter2", "DB_PASSWORD: ***"),
        ("{password=x, user=y}", "{password=***, user=y}"),
        ("{User:app Password:hunter2 Host:db}", "{User:app Password:*** Host:db}"),
        (r#"{"api_key":"abc def","n":1}"#, r#"{"api_key":"***","n":1}"#),
        (r#"{"token": 12345678, "n": 1}"#, r#"{"token": ***, "n": 1}"#),
        (r#""{\"password\":\"x\\\"y\",\"n\":1}""#, r#""{\"password\":\"***\",\"n\":1}""#),
        (r#"{\\\"token\\\":\\\"x y\\\",\\\"n\\\":1}"#, r#"{\\\"token\\\":\\\"***\\\",\\\"n\\\":1}"#),
        (r#"{"credentials":{"user":"u","value":{"a":"x"}},"n":1}"#, r#"{"credentials":***,"n":1}"#),
        ("{'password': 'x', 'user': 'u'}", "{'password': '***', 'user': 'u'}"),
        (":password=>\"x\", :user=>\"u\"", ":password=>\"***\", :user=>\"u\""),
        (r#"password: Some("a b") }"#, r#"password: Some("***") }"#),
        ("Config { password: Some(abc), port: 1 }", "Config { password: Some(***), port: 1 }"),
        (r#"Config { key: Secret("x"), port: 1 }"#, r#"Config { key: Secret("***"), port: 1 }"#),
        (r#"token: Token { inner: "x" }, port: 1"#, "token: ***, port: 1"),
        (r#"secrets: ["a", "b"], port: 1"#, "secrets: ***, port: 1"),
        (
            r#"Url { scheme: "https", username: "u", password: Some("p"), host: Some(Domain("h")) }"#,
            r#"Url { scheme: "https", username: "u", password: Some("***"), host: Some(Domain("h")) }"#,
        ),
        (r#"{"x-api-key": "k", "host": "h"}"#, r#"{"x-api-key": "***", "host": "h"}"#),
        (
            r#"[("authorization", "Bearer x"), ("host", "h")]"#,
            r#"[("authorization", "Bearer ***"), ("host", "h")]"#,
        ),
        (r#"{"name":"DB_PASSWORD","value":"hunter2"}"#, r#"{"name":"DB_PASSWORD","value":"***"}"#),
        ("<Password>x</Password><n>1</n>", "<Password>***</Password><n>1</n>"),
        ("run --password x --verbose", "run --password *** --verbose"),
        ("run --password=x --verbose", "run --password=*** --verbose"),
        ("mysql -h db -p secret x", "mysql -h db -p *** x"),
        ("curl -u app:hunter2 http://h", "curl -u app:*** http://h"),
        ("ALTER ROLE app PASSWORD 'x y'", "ALTER ROLE app PASSWORD '***'"),
        (r"env: FOO=1\nAPI_KEY=abc\nBAR=2", r"env: FOO=1\nAPI_KEY=***\nBAR=2"),
        ("q=%26token%3Dabc%26n%3D1", "q=%26token%3D***%26n%3D1"),
        ("password:\n  hunter2\nuser: u", "password:   *** user: u"),
        ("password: |\n  hunter2\nuser: u", "password: |   *** user: u"),
        ("Invalid API key: abc", "Invalid API key: ***"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key = ***"),
        (r#"{"auths":{"ghcr.io":{"auth":"YXBwOmh1bnRlcjI="}}}"#, r#"{"auths":{"ghcr.io":{"auth":"***"}}}"#),
        ("//registry.npmjs.org/:_auth=YXBwOmh1bnRlcjI=", "//registry.npmjs.org/:_auth=***"),
        ("PSK identity=dev1 psk=dead/beef refused", "PSK identity=dev1 psk=*** refused"),
        ("exit 1: mysqldump -uapp -phunter2 -h db orders", "exit 1: mysqldump -uapp -p*** -h db orders"),
        ("sh -c \"mariadb -u app -p'two words' x\"", "sh -c \"mariadb -u app -p'***' x\""),
    ]);
}

#[test]
fn in_headers() {
    all(&[
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("authorization: hunter2", "authorization: ***"),
        ("Authorization: Custom hunter2 failed", "Authorization: *** failed"),
        (
            r#"Authorization: Digest username="u", realm="r s", response="abc"; 401"#,
            "Authorization: Digest ***; 401",
        ),
        ("Proxy-Authorization: Negotiate YIIabc==", "Proxy-Authorization: Negotiate ***"),
        (
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range, Signature=fe5f failed",
            "Authorization: AWS4-HMAC-SHA256 *** failed",
        ),
        ("Authorization: ApiKey abc==", "Authorization: ApiKey ***"),
        ("Authorization: Token abc", "Authorization: Token ***"),
        (
            r#"curl -H "Authorization: Bearer abc" https://h"#,
            r#"curl -H "Authorization: Bearer ***" https://h"#,
        ),
        ("X-Api-Key: abc\r\nHost: h", "X-Api-Key: ***  Host: h"),
        ("Cookie: a=b; c=d\r\nHost: h", "Cookie: ***  Host: h"),
        ("Set-Cookie: sid=abc; Path=/; HttpOnly", "Set-Cookie: ***"),
        ("sent Bearer abcdef123 to h", "sent Bearer *** to h"),
        ("Basic dXNlcjpwYXNz refused", "Basic *** refused"),
        ("535 AUTH PLAIN AGFwcABodW50ZXIy failed", "535 AUTH PLAIN *** failed"),
        ("token 0123456789abcdef0 was refused", "token *** was refused"),
        // A header can have several values: as JSON, and as Go and Java print them.
        (
            r#"{"headers":{"Authorization":["Basic YTpi"],"A":["b"]}}"#,
            r#"{"headers":{"Authorization":***,"A":["b"]}}"#,
        ),
        (r#"{\"Cookie\":[\"sid=abc; a=b\",\"c=d\"],\"n\":1}"#, r#"{\"Cookie\":***,\"n\":1}"#),
        ("map[Accept:[*/*] Authorization:[Bearer abc]]", "map[Accept:[*/*] Authorization:***]"),
        ("{Authorization=[Bearer abc], Host=[h]}", "{Authorization=***, Host=[h]}"),
        ("headers: {\"authorization\": [\"Bearer abc\"], x: 1}", "headers: {\"authorization\": ***, x: 1}"),
    ]);
}

#[test]
fn by_shape() {
    for secret in [
        "ghp_0123456789abcdef0123",
        "github_pat_11ABCDEFG0abcdefghij_klmnopqrstuvwxyz",
        "glpat-abcDEF123_-xyz45678",
        "xoxb-123456789012-abcdefABCDEF",
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "sk-proj-abc123DEF456ghi789",
        "sk-ant-api03-abcDEF_123-xyz",
        "AIzaSyA-1234567890abcdefghijklmnopqrstu",
        "ya29.a0AfH6SMBx-abc_def",
        "npm_abcdefghijklmnopqrstuvwxyz0123456789",
        "pypi-AgEIcHlwaS5vcmcCJDAwMDAw",
        "hf_abcdefghijklmnopqrstuvwxyz012345AB",
        "SG.abcdefghijklmnopqrstuv.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefg",
        "SK0123456789abcdef0123456789abcdef",
        "dop_v1_0123456789abcdef0123456789abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "hvs.CAESIJ0123456789abcdef",
        "s.0123456789abcdefghijABCD",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "v4.local.AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "SUAM7GDLNRYDWA5BMVM3VHGVRZPSDNXTFG4DO6DSKGG6HHS7XQAVCGD6BQ",
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----",
        r"-----BEGIN PRIVATE KEY-----\nMIIE\nabc=\n-----END PRIVATE KEY-----",
    ] {
        for (before, after) in
            [("", ""), ("key ", " refused"), ("(", ")"), ("\"", "\", x"), (r"a\n", ""), ("u%20", ".")]
        {
            assert_eq!(text(&format!("{before}{secret}{after}")), format!("{before}***{after}"));
        }
    }
    assert_eq!(text("cannot parse -----BEGIN EC PRIVATE KEY----- MHcC"), "cannot parse ***");
}

/// An operator at three in the morning still reads what is wrong.
#[test]
fn what_is_harmless_stays_as_it_is() {
    for harmless in [
        r#"relation "tokens" does not exist"#,
        "unexpected token `}` at line 3",
        "unexpected token: `}`",
        "connection refused (os error 111)",
        r#"password authentication failed for user "app""#,
        "Access denied for user 'root'@'localhost' (using password: YES)",
        "invalid token: expected ident",
        "invalid token: expired",
        "failed to refresh token: connection refused",
        "bad credentials: the server refused them",
        "signature mismatch: expected sha256",
        "NOAUTH Authentication required.",
        "WRONGPASS invalid username-password pair or user is disabled.",
        "no such key: orders",
        "duplicate key value violates unique constraint \"orders_pkey\"",
        "Key (id)=(42) already exists.",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b is missing",
        "trace 550e8400-e29b-41d4-a716-446655440000 timed out",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 does not match",
        "registry.local:5000/app/web@sha256:e3b0c44298fc1c14 not found",
        "/var/run/secrets/kubernetes.io/serviceaccount/token: No such file or directory",
        "2026-11-21T15:21:15.123Z took 1.5s at 12:30:01",
        "basic health check failed",
        "Basic authentication required",
        "bearer token expired",
        r#"WWW-Authenticate: Bearer realm="api", error="invalid_token""#,
        "token_type=bearer expires_in=3600 max_tokens=512 tokens=42",
        "password_file=/etc/app/password secret_name=orders",
        "the argument '--token <TOKEN>' is required",
        "error: --password is required",
        "http://h:80/users/bob@example.com not found",
        "https://registry.npmjs.org/@scope/pkg: 404",
        "https://localhost:8443/health: certificate has expired",
        "http://127.0.0.1:9200, http://10.0.0.2:9200 unreachable",
        "postgres://db:5432/orders?sslmode=require",
        "mongodb://h1:27017,h2:27017/?replicaSet=rs0",
        "mail to bob@example.com, git@github.com:org/repo.git, mailto:a@b.c",
        "std::io::Error at src/main.rs:12:5",
        "http://fe80::1:2:3/health, http://host:{PORT}/ and https://[::1]:{PORT}/",
        "rabbit@node-1 is down: {badrpc,nodedown}",
        "mkdir -p /var/lib/app && ssh -p 22 host",
        "password: None, token: null, secret: ***, api_key: [REDACTED]",
        "secret not found: orders/db",
        "missing field `password` at line 1 column 2",
        "primary key: id, partition key: 7, routing key: orders.eu",
        "cookie store: redis is down",
        "Permission denied (publickey,password).",
        "UnexpectedToken(\"}\")",
        "mysql: unknown option '-port', tar -pxf a.tar",
        "auth: scram-sha-256, auth=true, \"auth\": \"kerberos\", TLS_PSK_WITH_AES_128_CCM: not supported",
        "100% of {a: 1, b: [2]} <c> 'd' \"e\" `f`",
    ] {
        assert_eq!(text(harmless), harmless);
    }
}
