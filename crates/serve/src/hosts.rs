//! By which names the service may be asked. A page of another site can give its own name the address of this
//! machine (DNS rebinding), and its browser then lets it read what the service answers; but the `Host` of its
//! requests is still that site's.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;

/// The names of a service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// The address it listens on, where names are checked; nothing where any name will do.
    listening: Option<IpAddr>,
    names: Vec<String>,
}

impl Hosts {
    /// Of a service that listens there. A service that others can reach needs no such protection, and does not know
    /// its names there: any name is allowed, unless names are given.
    pub(crate) fn of(address: SocketAddr, names: &[String]) -> Self {
        let listening = address.ip().to_canonical();
        let is_checked = listening.is_loopback() || !names.is_empty();
        Self {
            listening: is_checked.then_some(listening),
            names: names.iter().filter_map(|name| name_of(name)).collect(),
        }
    }

    /// Whether a request is meant for it. Browsers always say what they mean.
    pub(crate) fn is_allowed(&self, request: &Request) -> bool {
        let mut said = request.headers().get_all(HOST).iter();
        let target = request.uri().authority();
        said.all(|host| host.to_str().is_ok_and(|host| self.is_own(host)))
            && target.is_none_or(|target| self.is_own(target.as_str()))
    }

    fn is_own(&self, host: &str) -> bool {
        let Some(listening) = self.listening else {
            return true;
        };
        name_of(host).is_some_and(|name| {
            let address = name.parse::<IpAddr>().map(|it| it.to_canonical());
            name == "localhost"
                || self.names.contains(&name)
                || address.is_ok_and(|it| it.is_loopback() || it == listening)
        })
    }
}

/// Without the port and the brackets of an address, and in small letters; nothing where a user stands before it.
fn name_of(host: &str) -> Option<String> {
    if host.contains('@') {
        return None;
    }
    // An address of IPv6 without brackets is none of a URL.
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

    fn is_known(listen: &str, names: &[&str], host: &str) -> bool {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let hosts = Hosts::of(listen.parse().expect("an address"), &names);
        let request = Request::get("/healthz").header(HOST, host);
        hosts.is_allowed(&request.body(Body::empty()).expect("a request"))
    }

    #[test]
    fn on_this_machine_alone_another_name_is_not_meant() {
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
            assert!(is_known("127.0.0.1:8080", &[], host), "{host}");
            assert!(is_known("[::ffff:127.0.0.1]:0", &[], host), "{host}");
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
            assert!(!is_known("127.0.0.1:8080", &[], host), "{host}");
        }
        assert!(is_known(
            "127.0.0.1:0",
            &["Reviews.example"],
            "reviews.example:443"
        ));
        // Elsewhere every name will do, unless it is said.
        assert!(is_known("0.0.0.0:8080", &[], "evil.example"));
        assert!(!is_known(
            "0.0.0.0:8080",
            &["reviews.example"],
            "evil.example"
        ));
        let hosts = Hosts::of(([127, 0, 0, 1], 0).into(), &[]);
        let request = Request::get("http://evil.example/").body(Body::empty());
        assert!(!hosts.is_allowed(&request.expect("a request")));
        let request = Request::get("/").body(Body::empty());
        assert!(hosts.is_allowed(&request.expect("a request")));
    }
}
