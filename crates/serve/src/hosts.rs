//! Checks the host name of requests. A page of another site can make its own name resolve to the address of this
//! machine (DNS rebinding); the browser then lets that page read the answers of the service. But the header `host` of
//! its requests still contains the name of the other site.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;

/// The host names that requests may use.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedHosts {
    /// The address of the service; `None` if all names are allowed.
    listening: Option<IpAddr>,
    names: Vec<String>,
}

impl AllowedHosts {
    /// The host names for a service at this address. A service that other machines can reach does not know its own
    /// names, and needs no protection from rebinding: all names are allowed unless `names` are given.
    pub(crate) fn new(address: SocketAddr, names: &[String]) -> Self {
        let listening = address.ip().to_canonical();
        let is_checked = listening.is_loopback() || !names.is_empty();
        Self {
            listening: is_checked.then_some(listening),
            names: names.iter().filter_map(|name| normalize(name)).collect(),
        }
    }

    /// Whether the request uses an allowed name. Browsers always send the header.
    pub(crate) fn is_allowed(&self, request: &Request) -> bool {
        let mut headers = request.headers().get_all(HOST).iter();
        let target = request.uri().authority();
        headers.all(|host| host.to_str().is_ok_and(|host| self.is_own(host)))
            && target.is_none_or(|target| self.is_own(target.as_str()))
    }

    fn is_own(&self, host: &str) -> bool {
        let Some(listening) = self.listening else {
            return true;
        };
        normalize(host).is_some_and(|name| {
            let address = name.parse::<IpAddr>().map(|it| it.to_canonical());
            name == "localhost"
                || self.names.contains(&name)
                || address.is_ok_and(|it| it.is_loopback() || it == listening)
        })
    }
}

/// The name in lower case, without port and without the brackets of an IPv6 address; `None` if it contains a user.
fn normalize(host: &str) -> Option<String> {
    if host.contains('@') {
        return None;
    }
    // An IPv6 address without brackets is not a valid authority.
    let name = match host.parse::<Authority>() {
        Ok(authority) => authority.host().to_owned(),
        Err(_) => host.to_owned(),
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    Some(name.trim_end_matches('.').to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn is_allowed(listen: &str, names: &[&str], host: &str) -> bool {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let hosts = AllowedHosts::new(listen.parse().expect("an address"), &names);
        let request = Request::get("/healthz").header(HOST, host);
        hosts.is_allowed(&request.body(Body::empty()).expect("a request"))
    }

    #[test]
    fn a_service_for_this_machine_rejects_other_names() {
        for host in [
            "localhost",
            "LocalHost:8080",
            "localhost.",
            "127.0.0.1",
            "127.0.0.1:9000",
            "[::1]",
            "[::1]:80",
            "127.0.0.2",
        ] {
            assert!(is_allowed("127.0.0.1:8080", &[], host), "{host}");
            assert!(is_allowed("[::ffff:127.0.0.1]:0", &[], host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "x@localhost",
            "192.0.2.1",
            "",
            "[",
            ":80",
        ] {
            assert!(!is_allowed("127.0.0.1:8080", &[], host), "{host}");
        }
        assert!(is_allowed(
            "127.0.0.1:0",
            &["Reviews.example"],
            "reviews.example:443"
        ));
        // At a public address all names are allowed unless names are given.
        assert!(is_allowed("0.0.0.0:8080", &[], "evil.example"));
        assert!(!is_allowed(
            "0.0.0.0:8080",
            &["reviews.example"],
            "evil.example"
        ));
        let hosts = AllowedHosts::new(([127, 0, 0, 1], 0).into(), &[]);
        let request = Request::get("http://evil.example/").body(Body::empty());
        assert!(!hosts.is_allowed(&request.expect("a request")));
        let request = Request::get("/").body(Body::empty());
        assert!(hosts.is_allowed(&request.expect("a request")));
    }
}
