//! Accepts connections, limits their number and their idle time, and closes them.

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

use crate::state::AppState;

/// The answer to a connection beyond the limit, sent before its request is read.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
retry-after: 1\r\nconnection: close\r\ncontent-length: 98\r\n\r\n\
{\"error\":\"There are too many open connections\",\"hint\":\"Retry in a second, with fewer connections\"}";

/// Maximum number of refused connections that are closed gracefully at the same time, and the maximum time and bytes
/// for each.
const MAX_REFUSALS: usize = 64;
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 1 << 20;

/// Serves until `stop` completes; then accepts no more connections and waits up to `limits.grace` for the requests in
/// progress. Returns whether all of them were answered.
pub(crate) async fn serve(
    mut listener: TcpListener,
    router: Router,
    state: &AppState,
    stop: impl Future<Output = ()>,
) -> bool {
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    // Also limits the time of an idle connection, because its next request has not started.
    http.timer(TokioTimer::new()).half_close(true);
    http.header_read_timeout(state.limits.timeout);
    let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
    tokio::pin!(stop);
    loop {
        // Axum's `accept` waits if the system has no file descriptor left.
        let (stream, _) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        let Ok(permit) = Arc::clone(&state.connections).try_acquire_owned() else {
            state.telemetry.counters().connections_refused += 1;
            refuse(stream, &refusals);
            continue;
        };
        // Small answers are sent immediately.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        close_if_not_read(&stream, state.limits.timeout);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client may disconnect at any time.
            let _ = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    let closed = timeout(state.limits.grace, graceful.shutdown()).await;
    closed.is_ok()
}

/// Makes the system close a connection if the client acknowledges no sent data for this time; otherwise a client that
/// does not read its answers would occupy a connection for ever. Only Linux has this option.
#[cfg_attr(not(target_os = "linux"), allow(unused_variables))]
fn close_if_not_read(stream: &TcpStream, limit: Duration) {
    #[cfg(target_os = "linux")]
    {
        let milliseconds = limit.as_millis() as libc::c_uint;
        // SAFETY: the descriptor belongs to an open socket, and the length is that of the value.
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

/// Sends the refusal and reads the rest of the request: a connection that is closed with unread data is reset, and the
/// client may lose the answer. Beyond [`MAX_REFUSALS`] this can happen.
fn refuse(mut stream: TcpStream, refusals: &Arc<Semaphore>) {
    let Ok(permit) = Arc::clone(refusals).try_acquire_owned() else {
        // Writes only what the socket accepts without waiting.
        let _ = stream.into_std().map(|mut stream| stream.write(REFUSAL));
        return;
    };
    let close = async move {
        stream.write_all(REFUSAL).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    tokio::spawn(async move {
        // A client may disconnect at any time.
        let _ = timeout(LINGER, close).await;
        drop(permit);
    });
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::time::sleep;

    use super::*;

    #[test]
    fn the_refusal_announces_its_length() {
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
    async fn slow_readers_are_served_and_clients_that_do_not_read_are_disconnected() {
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
        let error = stream.write_all(&large).await;
        let error = error.expect_err("the client does not read");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
