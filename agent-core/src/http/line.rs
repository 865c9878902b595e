//! How requests leave: over which proxy, trusting whom.

use std::{path::PathBuf, time::Duration};

use deskbell_protocol::limits::LIVE_HEARTBEAT_SECONDS;
use url::Url;

use super::{
    certificates::{self, Seen},
    route::{self, Route},
};
use crate::policy::{Config, Proxy};

pub(crate) const CONNECT: Duration = Duration::from_secs(10);

/// What decides it.
#[derive(Clone)]
pub(super) struct Terms {
    server: Url,
    wish: Proxy,
    ca_file: Option<PathBuf>,
}

impl Terms {
    pub(super) fn of(config: &Config, server: Url) -> Self {
        Self { server, wish: config.proxy.clone(), ca_file: config.ca_file.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Line {
    pub(super) client: reqwest::Client,
    pub(super) route: Route,
}

impl Line {
    /// As settings and system are at this moment: its proxy, its certificates.
    ///
    /// # Errors
    /// One line that names the setting that cannot be followed.
    pub(super) fn open(terms: &Terms, seen: Seen) -> Result<Self, String> {
        let tls = certificates::config(terms.ca_file.as_deref(), seen)?;
        let route = route::decide(&terms.wish, &terms.server);
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT)
            .read_timeout(Duration::from_secs(2 * LIVE_HEARTBEAT_SECONDS))
            // A signature is for one address; whoever points elsewhere is no Deskbell server.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("deskbell/", env!("CARGO_PKG_VERSION")))
            // Which proxy is decided above, and nowhere else.
            .no_proxy();
        if let Route::Through(proxy) = &route {
            let mut through =
                reqwest::Proxy::all(proxy.url.as_str()).map_err(|_| format!("proxy: {} is no proxy", proxy.url))?;
            if let Some(authorization) = &proxy.authorization {
                through = through.custom_http_auth(authorization.clone());
            }
            builder = builder.proxy(through);
        }
        let client = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { client, route })
    }
}
