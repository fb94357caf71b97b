use super::*;
use tokio::io::AsyncReadExt;

/// Fails a number of times before it accepts.
struct Failing {
    errors: Vec<io::ErrorKind>,
    socket: TcpListener,
}

impl Accept for Failing {
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        match self.errors.pop() {
            Some(kind) => Err(kind.into()),
            None => self.socket.accept().await,
        }
    }
}

/// Closes every connection.
struct Closing;

impl Protocol for Closing {
    type Routes = ();

    async fn serve(&self, connection: Connection, _routes: Arc<ArcSwap<()>>) {
        drop(connection);
    }
}

fn shared(local: SocketAddr) -> Arc<Shared<Closing>> {
    Arc::new(Shared {
        local,
        protocol: Arc::new(Closing),
        routes: Arc::new(ArcSwap::from_pointee(())),
        mode: ArcSwap::from_pointee(Mode::new(None, None, &CancellationToken::new())),
        budget: ConnectionBudget::new(10, 10),
        handshake_timeout: Duration::from_secs(10),
        connections: TaskTracker::new(),
        tasks: TaskTracker::new(),
        refusals: Arc::default(),
    })
}

#[tokio::test]
async fn failed_accepts_do_not_end_the_listener_and_do_not_spin() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let errors = vec![io::ErrorKind::Other, io::ErrorKind::ConnectionAborted, io::ErrorKind::Other];
    let close = CancellationToken::new();
    let start = tokio::time::Instant::now();
    let task = tokio::spawn(accept(Failing { errors, socket }, shared(address), close.clone()));
    let mut client = TcpStream::connect(address).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(20), client.read(&mut [0])).await.unwrap();
    assert_eq!(read.unwrap(), 0, "accepted and closed");
    // Two of the three failures pause, the second one for twice as long.
    assert!(start.elapsed() >= BACK_OFF_FIRST * 3, "{:?}", start.elapsed());
    close.cancel();
    task.await.unwrap();
    TcpStream::connect(address).await.unwrap_err();
}
