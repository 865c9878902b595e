//! A technician who works with the console's API instead of its pages.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::server::Server;

#[derive(Debug)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    cookie: String,
    csrf: String,
}

impl Api {
    /// Does the first-run set-up, and is signed in as the owner.
    pub async fn set_up(http: &reqwest::Client, server: &str, answers: Value) -> Result<Self> {
        Self::open(http, server, "/api/setup", answers).await
    }

    pub async fn sign_in(http: &reqwest::Client, server: &str, email: &str, password: &str) -> Result<Self> {
        Self::open(http, server, "/api/console/v1/session", json!({"email": email, "password": password})).await
    }

    /// A session that a request to this path opens.
    pub async fn open(http: &reqwest::Client, server: &str, path: &str, body: Value) -> Result<Self> {
        let answer = http.post(format!("{server}{path}")).json(&body).send().await?;
        ensure!(answer.status().is_success(), "{path}: {}", answer.text().await?);
        let cookie = answer.headers().get("set-cookie").context("no session")?.to_str()?.to_owned();
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let session: Value = answer.json().await?;
        let csrf = session["csrf"].as_str().context("no CSRF proof")?.to_owned();
        Ok(Self { http: http.clone(), base: format!("{server}/api/console/v1"), cookie, csrf })
    }

    /// A server in use: an organization, a client with this domain whose devices are on, and the secret of an
    /// enrolment key for a few of them.
    pub async fn with_client(server: &mut Server, domain: &str) -> Result<(Self, String)> {
        let answers = json!({"code": server.setup_code().await?, "organization": "Harbour IT", "name": "Ada Byron",
            "email": "ada@harbour.example", "password": "correct horse battery", "language": "en"});
        let api = Self::set_up(server.http(), &server.url(), answers).await?;
        let client = api.post("/clients", json!({"name": "Northwind", "domains": [domain]})).await?;
        let client = client["id"].as_str().context("a client without id")?;
        let choice = json!({"enabled": true, "include_device_choices": false});
        api.put(&format!("/clients/{client}/enablement"), choice).await?;
        let wanted = json!({"name": "Front desk", "expires_in_days": 7, "max_devices": 10});
        let key = api.post(&format!("/clients/{client}/enrolment-keys"), wanted).await?;
        Ok((api, key["secret"].as_str().context("a key without secret")?.to_owned()))
    }

    /// What each of its requests carries, for somebody else who speaks for it.
    #[must_use]
    pub fn session(&self) -> Value {
        json!({"cookie": self.cookie, "csrf": self.csrf})
    }

    /// The session, for whoever asks in another way.
    #[must_use]
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::POST, path, body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::PUT, path, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::PATCH, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Result<Value> {
        self.call(Method::DELETE, path, Value::Null).await
    }

    /// The answer as it comes, whatever it says.
    pub async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Result<reqwest::Response> {
        let mut request =
            self.http.request(method.clone(), format!("{}{path}", self.base)).header("cookie", &self.cookie);
        if method != Method::GET {
            request = request.header("x-csrf-token", &self.csrf);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        Ok(request.send().await?)
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let body = if method == Method::GET { None } else { Some(serde_json::to_vec(&body)?) };
        let answer = self.send(method.clone(), path, body).await?;
        ensure!(answer.status().is_success(), "{method} {path}: {}: {}", answer.status(), answer.text().await?);
        Ok(answer.json().await.unwrap_or_default())
    }
}
