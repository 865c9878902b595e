//! A page in the browser in the place of a window, where none can be shown.

use deskbell_protocol::handover::{AskHandover, Handover, HandoverPage};
use url::Url;

use super::Agent;
use crate::{
    error::{Answer, local},
    http,
    view::LocalErrorCode,
};

impl Agent {
    /// A link that opens a page of the server's once, within a minute, as the person at this
    /// installation. It is a secret until then.
    ///
    /// # Errors
    /// What the server says, that it cannot be reached, or that its link is none to be opened.
    pub async fn handover(&self, page: HandoverPage) -> Answer<Url> {
        let (http, who) = self.0.now_or_never()?;
        let handover: Handover = http.post(&who, "/handover", &AskHandover { page }).await?;
        checked(&handover.url, http.url())
    }
}

/// Whatever a server says: only pages below the address that is configured here are opened, and only
/// where nobody on the way can read the secret.
fn checked(link: &str, server: &Url) -> Answer<Url> {
    let foreign = || local(LocalErrorCode::HandoverForeign, format!("the server's link is none of {server}"));
    let url: Url = link.parse().map_err(|_| foreign())?;
    let pages = format!("{}/portal/", server.path().trim_end_matches('/'));
    let named = url.username().is_empty() && url.password().is_none();
    if url.origin() != server.origin() || !url.path().starts_with(&pages) || !named {
        return Err(foreign());
    }
    if url.scheme() == "https" || (url.scheme() == "http" && http::is_loopback(&url)) {
        Ok(url)
    } else {
        Err(local(LocalErrorCode::HandoverInsecure, "the server's address is not https"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::CommandErrorCode;

    fn of(link: &str, server: &str) -> Result<String, LocalErrorCode> {
        match checked(link, &server.parse().unwrap()) {
            Ok(url) => Ok(url.into()),
            Err(error) => match error.code {
                CommandErrorCode::Local(code) => Err(code),
                CommandErrorCode::Server(code) => panic!("{code:?}"),
            },
        }
    }

    #[test]
    fn pages_of_the_configured_server_are_opened() {
        let link = "https://help.example.org/portal/new#secret";
        assert_eq!(of(link, "https://help.example.org/").as_deref(), Ok(link));
        let below = "https://it.example.org/help/portal/new#secret";
        assert_eq!(of(below, "https://it.example.org/help/").as_deref(), Ok(below));
        let here = "http://127.0.0.1:8080/portal/settings#secret";
        assert_eq!(of(here, "http://127.0.0.1:8080").as_deref(), Ok(here));
    }

    #[test]
    fn nothing_else_is() {
        for link in [
            "https://evil.example/portal/new#secret",
            "https://help.example.org.evil.example/portal/new",
            "https://help.example.org:444/portal/new",
            "http://help.example.org/portal/new",
            "https://user@help.example.org/portal/new",
            "https://help.example.org/elsewhere",
            "https://help.example.org/portal/../setup",
            "file:///C:/Windows/System32/calc.exe",
            "calc.exe",
            "",
        ] {
            assert_eq!(of(link, "https://help.example.org/"), Err(LocalErrorCode::HandoverForeign), "{link}");
        }
        let plain = "http://help.example.org/portal/new#secret";
        assert_eq!(of(plain, "http://help.example.org/"), Err(LocalErrorCode::HandoverInsecure));
    }
}
