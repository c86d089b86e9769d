//! Connections: how many, how slow, and how they end.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::routes::Shared;
use crate::stalled::Stalling;

/// What a connection beyond the limit is told, before anything is read of it.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
retry-after: 1\r\nconnection: close\r\ncontent-length: 97\r\n\r\n\
{\"error\":\"There are too many connections\",\"hint\":\"Come again after a second, with fewer of them\"}";

/// Connections beyond the limit that are parted from in peace at a time, and how long and for how many bytes each.
const PARTINGS: usize = 64;
const PARTING: Duration = Duration::from_secs(1);
const PARTING_BYTES: u64 = 1 << 20;

/// How long to wait where the system has no file descriptor left for another connection.
const BREATH: Duration = Duration::from_millis(50);

/// Serves until `stop` comes to its end; then accepts nothing more and waits for what is under way, up
/// to `limits.grace`. Returns whether everything was answered.
pub(crate) async fn serve(
    listener: TcpListener,
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
    let partings = Arc::new(Semaphore::new(PARTINGS));
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                if !is_of_one_connection(&error) {
                    sleep(BREATH).await;
                }
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&shared.connections).try_acquire_owned() else {
            shared.telemetry.refused_connection();
            refuse(stream, &partings);
            continue;
        };
        // Small answers go out at once.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let stream = Stalling::new(stream, shared.limits.timeout);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // What a client does to its connection is no matter of ours.
            let _ = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    timeout(shared.limits.grace, graceful.shutdown())
        .await
        .is_ok()
}

/// Says why, and lets the client read it: a connection that is closed before all that came over it was read is
/// reset, and what was said with it is lost. Of very many at a time some are.
fn refuse(stream: TcpStream, partings: &Arc<Semaphore>) {
    match Arc::clone(partings).try_acquire_owned() {
        Ok(permit) => {
            tokio::spawn(async move {
                // What a client does to its connection is no matter of ours.
                let _ = timeout(PARTING, part(stream)).await;
                drop(permit);
            });
        }
        Err(_) => {
            // As far as the socket takes it without waiting.
            if let Ok(mut stream) = stream.into_std() {
                let _ = stream.write(REFUSAL);
            }
        }
    }
}

async fn part(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(REFUSAL).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(PARTING_BYTES);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}

/// The fault of whoever connected, and not a lack of the machine's.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
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
}
