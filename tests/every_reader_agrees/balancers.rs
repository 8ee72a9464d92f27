//! HAProxy in three ways, and nginx in two. Whether they send traffic is seen by sending some.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use health_tests::haproxy::{Haproxy, free_address};
use health_tests::http::get;
use health_tests::servers::{Process, Scratch, eventually, installed};
use tokio::net::TcpStream;

use crate::reader::{Reader, Seen};
use crate::service::{Asked, Service};

/// How often HAProxy asks before it is believed to have settled: `fall 3`, one that may have been under way before, and
/// one that begins when the last has been understood.
const ASKED: u32 = 5;

struct Balanced {
    name: &'static str,
    backend: &'static str,
    haproxy: Arc<Haproxy>,
    front: SocketAddr,
    asked: Asked,
}

pub fn haproxy(service: &Service) -> Vec<Box<dyn Reader>> {
    let (app, agent) = (service.address(), service.agent());
    let [httpchk, soft, agents] = [free_address(), free_address(), free_address()];
    let configuration = format!(
        "global
            stats socket /run/haproxy.sock mode 600 level admin
        defaults
            mode http
            timeout connect 1s
            timeout client 30s
            timeout server 30s
            timeout check 1s
            default-server check inter 50ms fall 3 rise 2
        listen httpchk
            bind {httpchk}
            option httpchk OPTIONS /health/ready
            server one {app}
        listen soft
            bind {soft}
            option httpchk OPTIONS /soft/ready
            http-check disable-on-404
            server one {app}
        listen agent
            bind {agents}
            option httpchk OPTIONS /health/live
            server one {app} agent-check agent-addr {} agent-port {} agent-inter 50ms\n",
        agent.ip(),
        agent.port(),
    );
    let Some(haproxy) = Haproxy::start("readers", &configuration, &[]).map(Arc::new) else {
        return Vec::new();
    };
    let ways = [
        ("HAProxy `httpchk`", "httpchk", httpchk, &service.httpchk),
        ("HAProxy `disable-on-404`", "soft", soft, &service.soft),
        ("HAProxy `agent-check`", "agent", agents, &service.agent_asked),
    ];
    let readers = ways.map(|(name, backend, front, asked)| -> Box<dyn Reader> {
        let (haproxy, asked) = (Arc::clone(&haproxy), Arc::clone(asked));
        Box::new(Balanced { name, backend, haproxy, front, asked })
    });
    readers.into()
}

impl Reader for Balanced {
    fn name(&self) -> &'static str {
        self.name
    }

    fn look(&mut self) -> LocalBoxFuture<'_, Seen> {
        async {
            let before = self.asked.load(Ordering::SeqCst);
            eventually(self.name, async || self.asked.load(Ordering::SeqCst) >= before + ASKED).await;
            let code = get(self.front, "/whoami").await.code;
            let server = self.haproxy.server(self.backend, "one").await.expect("it answers");
            let weight = if server.get("uweight") == "0" { ", weight 0" } else { "" };
            Seen::of_traffic(format!("{}{weight}", server.status()), code == 200)
        }
        .boxed_local()
    }
}

/// nginx has no active checks: it shows to others what it is told, or tries the next server when one says 503.
struct PassedOn {
    name: &'static str,
    path: &'static str,
    front: SocketAddr,
    _running: Arc<(Process, Scratch)>,
}

pub async fn nginx(service: &Service) -> Vec<Box<dyn Reader>> {
    let Some(program) = installed("nginx") else {
        return Vec::new();
    };
    let (app, front, next) = (service.address(), free_address(), free_address());
    let scratch = Scratch::new("nginx");
    let folder = scratch.path().display();
    let configuration = format!(
        "daemon off;
        master_process off;
        pid {folder}/pid;
        error_log stderr crit;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            upstream app {{
                server {app} max_fails=1 fail_timeout=1s;
                server {next} backup;
            }}
            server {{
                listen {front};
                location = /passed-on {{ proxy_pass http://{app}/health/ready; }}
                location = /next {{
                    proxy_pass http://app/health/ready;
                    proxy_next_upstream error timeout http_503;
                }}
            }}
            server {{
                listen {next};
                location / {{ return 200 'next'; }}
            }}
        }}
        "
    );
    let file = scratch.path().join("nginx.conf");
    fs::write(&file, configuration).unwrap();
    let process = Process::start(Command::new(program).arg("-p").arg(scratch.path()).arg("-c").arg(&file));
    eventually("nginx listens", async || TcpStream::connect(front).await.is_ok()).await;
    let running = Arc::new((process, scratch));
    let ways = [("nginx", "/passed-on"), ("nginx `max_fails`", "/next")];
    let readers = ways.map(|(name, path)| -> Box<dyn Reader> {
        Box::new(PassedOn { name, path, front, _running: Arc::clone(&running) })
    });
    readers.into()
}

impl Reader for PassedOn {
    fn name(&self) -> &'static str {
        self.name
    }

    fn look(&mut self) -> LocalBoxFuture<'_, Seen> {
        async {
            let answer = get(self.front, self.path).await;
            let words =
                if answer.body == "next" { "next server".to_owned() } else { answer.code.to_string() };
            let traffic = words == "200";
            Seen::of_traffic(words, traffic)
        }
        .boxed_local()
    }
}
