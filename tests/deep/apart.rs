//! A server of the test's own, on a thread of its own: killed, restarted and stopped like any other process.

use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::mpsc;

use health_tests::servers::eventually;
use tokio::runtime::{Builder, Runtime};

type Serve = Box<dyn Fn(tokio::net::TcpListener) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

pub struct Apart {
    address: SocketAddr,
    serve: Serve,
    runtime: Option<Runtime>,
    stopped: Option<mpsc::Sender<()>>,
}

impl Apart {
    /// Listens on a free port, and serves there.
    pub fn start<F>(serve: impl Fn(tokio::net::TcpListener) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let serve: Serve = Box::new(move |listener| Box::pin(serve(listener)));
        let mut server = Self { address, serve, runtime: None, stopped: None };
        server.listen_on(listener);
        server
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn listen_on(&mut self, listener: TcpListener) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        listener.set_nonblocking(true).expect("a socket");
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener).expect("a socket")
        };
        runtime.spawn((self.serve)(listener));
        self.runtime = Some(runtime);
    }

    /// As SIGSTOP: it does nothing more, and its kernel goes on accepting.
    pub fn stop(&mut self) {
        let (stopped, told) = mpsc::channel::<()>();
        let (sender, stands_still) = mpsc::channel();
        self.stopped = Some(stopped);
        self.runtime.as_ref().expect("it runs").spawn(async move {
            sender.send(()).expect("it is waited for");
            // The only thread of it.
            let _ = told.recv();
        });
        stands_still.recv().expect("it is told");
    }

    /// As SIGCONT.
    pub fn go_on(&mut self) {
        self.stopped = None;
    }

    /// As SIGKILL: its connections are gone, and nobody listens.
    pub async fn kill(&mut self) {
        self.stopped = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        let address = self.address;
        eventually("nobody listens", async || tokio::net::TcpStream::connect(address).await.is_err()).await;
    }

    /// On the port where it was.
    pub async fn restart(&mut self) {
        let mut listener = None;
        eventually("the port is free", async || {
            listener = TcpListener::bind(self.address).ok();
            listener.is_some()
        })
        .await;
        self.listen_on(listener.expect("it is bound"));
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.stopped = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
