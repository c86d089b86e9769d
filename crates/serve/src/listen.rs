//! Connections: how many, how slow, and how they end.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::shared::Shared;

/// What a connection beyond the limit is told, before anything is read of it.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
retry-after: 1\r\nconnection: close\r\ncontent-length: 97\r\n\r\n\
{\"error\":\"There are too many connections\",\"hint\":\"Come again after a second, with fewer of them\"}";

/// Connections beyond the limit that are parted from in peace at a time, and how long and for how many bytes each.
const MAX_REFUSALS: usize = 64;
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 1 << 20;

/// Serves until `stop` comes to its end; then accepts nothing more and waits for what is under way, up
/// to `limits.grace`. Returns whether everything was answered.
pub(crate) async fn serve(
    mut listener: TcpListener,
    router: Router,
    shared: &Shared,
    stop: impl Future<Output = ()>,
) -> bool {
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    // Also the time that a connection may be idle, and that a client takes for a head.
    http.timer(TokioTimer::new())
        .header_read_timeout(shared.limits.timeout)
        .half_close(true);
    let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
    tokio::pin!(stop);
    loop {
        // Axum's way to accept waits where the system has no file descriptor left.
        let (stream, _) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        let Ok(permit) = Arc::clone(&shared.connections).try_acquire_owned() else {
            shared.telemetry.counters().connections_refused += 1;
            refuse(stream, &refusals);
            continue;
        };
        // Small answers go out at once.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        close_if_not_read(&stream, shared.limits.timeout);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client may close its connection at any time.
            let _ = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    timeout(shared.limits.grace, graceful.shutdown())
        .await
        .is_ok()
}

/// Lets the system close a connection of which nothing has gone out for so long: a client that does not read its answers
/// would hold its place for ever otherwise. Only Linux knows this option; elsewhere such a client is kept.
#[cfg_attr(not(target_os = "linux"), allow(unused_variables))]
fn close_if_not_read(stream: &TcpStream, limit: Duration) {
    #[cfg(target_os = "linux")]
    {
        let milliseconds = limit.as_millis() as libc::c_uint;
        // SAFETY: the descriptor is that of an open socket, and the value is as long as is said.
        unsafe {
            libc::setsockopt(
                std::os::fd::AsRawFd::as_raw_fd(stream),
                libc::IPPROTO_TCP,
                libc::TCP_USER_TIMEOUT,
                (&raw const milliseconds).cast(),
                size_of_val(&milliseconds) as libc::socklen_t,
            );
        }
    }
}

/// Says why, and lets the client read it: a connection that is closed before all that came over it was read is
/// reset, and what was said with it is lost. Of very many at a time some are.
fn refuse(mut stream: TcpStream, refusals: &Arc<Semaphore>) {
    let Ok(permit) = Arc::clone(refusals).try_acquire_owned() else {
        // As far as the socket takes it without waiting.
        let _ = stream.into_std().map(|mut stream| stream.write(REFUSAL));
        return;
    };
    let part = async move {
        stream.write_all(REFUSAL).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    tokio::spawn(async move {
        // A client may close its connection at any time.
        let _ = timeout(LINGER, part).await;
        drop(permit);
    });
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::time::sleep;

    use super::*;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let text = std::str::from_utf8(REFUSAL).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{}",
            body.len()
        );
        serde_json::from_str::<serde_json::Value>(body).expect("JSON");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn who_reads_slowly_is_served_and_who_does_not_is_let_go() {
        let limit = Duration::from_millis(500);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut reader = TcpStream::connect(address).await.expect("it listens");
        let (mut stream, _) = listener.accept().await.expect("a client");
        close_if_not_read(&stream, limit);
        let large = vec![7; 32 << 20];
        let written = tokio::spawn(async move { (stream.write_all(&large).await, stream) });
        let mut found = vec![0; 4 << 20];
        for _ in 0..8 {
            sleep(limit / 4).await;
            reader.read_exact(&mut found).await.expect("it is written");
        }
        let (written, mut stream) = written.await.expect("no panic");
        written.expect("all of it, in more than the limit");
        let large = vec![7; 32 << 20];
        let error = stream.write_all(&large).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
