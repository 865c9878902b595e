//! The way to the server: straight, or through a proxy, and who said so.

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::header::HeaderValue;
use url::{Host, Url};

use crate::policy;

/// The way that requests take. It never shows what proves us to the proxy.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Direct(WhyDirect),
    Through(Proxy),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhyDirect {
    /// The server is on this very machine, where no proxy could reach it.
    SameMachine,
    /// The setting says so.
    Wanted,
    /// The system has none for this address.
    NoneInSystem,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Without name and password.
    pub(crate) url: Url,
    pub(crate) authorization: Option<HeaderValue>,
    /// The system named it, not the setting.
    pub(crate) from_system: bool,
}

impl Proxy {
    /// `host:port`, for people.
    pub(crate) fn shown(&self) -> String {
        let port = self.port();
        match self.url.host_str() {
            Some(host) => format!("{host}:{port}"),
            None => self.url.to_string(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }
}

/// The way to a server, as the settings and the system are at this moment.
pub(crate) fn decide(wish: &policy::Proxy, server: &Url) -> Route {
    let system = || Matcher::from_system();
    decide_with(wish, server, system)
}

fn decide_with(wish: &policy::Proxy, server: &Url, system: impl FnOnce() -> Matcher) -> Route {
    if is_loopback(server) {
        return Route::Direct(WhyDirect::SameMachine);
    }
    let (matcher, from_system) = match wish {
        policy::Proxy::None => return Route::Direct(WhyDirect::Wanted),
        policy::Proxy::System => (system(), true),
        policy::Proxy::Explicit(url) => (Matcher::builder().all(url.as_str().to_owned()).build(), false),
    };
    let proxy = server.as_str().parse().ok().and_then(|uri| matcher.intercept(&uri));
    match proxy.and_then(|found| proxy_of(&found, from_system)) {
        Some(proxy) => Route::Through(proxy),
        None => Route::Direct(WhyDirect::NoneInSystem),
    }
}

fn proxy_of(found: &Intercept, from_system: bool) -> Option<Proxy> {
    let url = found.uri().to_string().parse().ok()?;
    Some(Proxy { url, authorization: found.basic_auth().cloned(), from_system })
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn route(wish: &policy::Proxy, server: &str, system: &str, except: &str) -> Route {
        decide_with(wish, &url(server), || Matcher::builder().all(system.to_owned()).no(except.to_owned()).build())
    }

    fn shown(route: &Route) -> Option<(String, bool)> {
        match route {
            Route::Through(proxy) => Some((proxy.shown(), proxy.from_system)),
            Route::Direct(_) => None,
        }
    }

    #[test]
    fn the_system_s_proxy_is_taken_where_nothing_else_is_said() {
        let there = route(&policy::Proxy::System, "https://help.example/", "http://proxy.example:3128", "");
        assert_eq!(shown(&there), Some(("proxy.example:3128".to_owned(), true)));
        let excepted = route(&policy::Proxy::System, "https://help.example/", "http://proxy.example:3128", ".example");
        assert!(excepted == Route::Direct(WhyDirect::NoneInSystem), "what the system excepts goes straight");
        assert!(
            route(&policy::Proxy::System, "https://help.example/", "", "") == Route::Direct(WhyDirect::NoneInSystem)
        );
    }

    #[test]
    fn the_setting_beats_the_system() {
        let wish = policy::Proxy::Explicit(url("http://other.example"));
        let there = route(&wish, "https://help.example/", "http://proxy.example:3128", "");
        assert_eq!(shown(&there), Some(("other.example:80".to_owned(), false)));
        let none = route(&policy::Proxy::None, "https://help.example/", "http://proxy.example:3128", "");
        assert!(none == Route::Direct(WhyDirect::Wanted));
    }

    #[test]
    fn this_very_machine_is_reached_without_a_proxy() {
        let wish = policy::Proxy::Explicit(url("http://proxy.example:3128"));
        for server in ["http://127.0.0.1:8080/", "http://[::1]/", "https://localhost/"] {
            assert!(route(&wish, server, "", "") == Route::Direct(WhyDirect::SameMachine), "{server}");
        }
    }

    #[test]
    fn name_and_password_go_into_a_header_and_are_shown_nowhere() {
        let wish = policy::Proxy::Explicit(url("http://sam:p%40ss%3Aword@proxy.example:3128"));
        let Route::Through(proxy) = route(&wish, "http://help.example/", "", "") else { panic!("a proxy was given") };
        assert_eq!(proxy.url.as_str(), "http://proxy.example:3128/");
        let header = proxy.authorization.unwrap();
        assert_eq!(header, "Basic c2FtOnBAc3M6d29yZA==");
        assert!(header.is_sensitive());
    }
}
