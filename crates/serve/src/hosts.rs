//! By which names the service may be asked. A page of another site can give its own name the address of this
//! machine (DNS rebinding), and its browser then lets it read what the service answers; but the `Host` of its
//! requests is still that site's.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::header::HOST;

/// The names of a service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// Nothing where any name will do.
    known: Option<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    listening: IpAddr,
    names: Vec<String>,
}

impl Hosts {
    /// Of a service that listens there. Whoever can be reached by others can be reached without a browser's help,
    /// and does not know what others call it: any name will do, unless names are given.
    pub(crate) fn of(address: SocketAddr, names: &[String]) -> Self {
        let listening = address.ip().to_canonical();
        let is_checked = listening.is_loopback() || !names.is_empty();
        let names = names.iter().map(|name| name_of(name)).collect();
        Self {
            known: is_checked.then_some(Known { listening, names }),
        }
    }

    /// Whether a request is meant for it. Browsers always say what they mean.
    pub(crate) fn know(&self, request: &Request) -> bool {
        let Some(known) = &self.known else {
            return true;
        };
        let said = request.headers().get_all(HOST).iter();
        let mut said = said.map(|host| host.to_str().is_ok_and(|host| known.is(host)));
        let target = request.uri().authority();
        said.all(|is_known| is_known) && target.is_none_or(|it| known.is(it.as_str()))
    }
}

impl Known {
    fn is(&self, host: &str) -> bool {
        let name = name_of(host);
        let address = name.parse::<IpAddr>().map(|it| it.to_canonical());
        name == "localhost"
            || self.names.contains(&name)
            || address.is_ok_and(|it| it.is_loopback() || it == self.listening)
    }
}

/// Without the port and the brackets of an address, and in small letters.
fn name_of(host: &str) -> String {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let name = match (bracketed, host.rsplit_once(':')) {
        (Some((address, _)), _) => address,
        // An address of IPv6 alone has more than one colon, and no port.
        (None, Some((name, _))) if !name.contains(':') => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn is_known(listen: &str, names: &[&str], host: &str) -> bool {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let hosts = Hosts::of(listen.parse().expect("an address"), &names);
        let request = Request::get("/healthz").header(HOST, host);
        hosts.know(&request.body(Body::empty()).expect("a request"))
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
        assert!(!hosts.know(&request.expect("a request")));
        let request = Request::get("/").body(Body::empty());
        assert!(hosts.know(&request.expect("a request")));
    }
}
