//! Who sits here: the address that they prove once.

use deskbell_protocol::{
    device::{AgentState, AskToken, Confirm, Confirmation, TokenSent},
    error::ErrorCode,
    limits::NAME_CHARS,
};

use super::Agent;
use crate::{
    error::{Answer, early},
    store::settings,
    sync::{self, Effects},
};

impl Agent {
    /// Has a token sent to an address.
    ///
    /// # Errors
    /// What the server says of name and address, or that it cannot be reached.
    pub async fn ask_token(&self, name: String, email: String) -> Answer<TokenSent> {
        let name = name.trim().to_owned();
        if name.is_empty() {
            return Err(early(ErrorCode::NameMissing, "the name is missing"));
        }
        if name.chars().count() > NAME_CHARS {
            return Err(early(ErrorCode::NameTooLong, "the name is too long"));
        }
        let (http, who) = self.0.now_or_never()?;
        let language = self.0.status.borrow().language;
        let ask = AskToken { name, email: email.trim().to_owned(), language };
        deskbell_protocol::crash_point!("ask.send.before");
        let sent = http.post(&who, "/confirmation/token", &ask).await?;
        deskbell_protocol::crash_point!("ask.send.after");
        Ok(sent)
    }

    /// Proves the address with the token. What waited for it goes at once.
    ///
    /// # Errors
    /// What the server says of the token, or that it cannot be reached.
    pub async fn confirm(&self, token: String) -> Answer<Confirmation> {
        let (http, who) = self.0.now_or_never()?;
        let _alone = self.0.exchange.lock().await;
        deskbell_protocol::crash_point!("confirm.send.before");
        let confirmation: Confirmation = http.post(&who, "/confirmation", &Confirm { token }).await?;
        deskbell_protocol::crash_point!("confirm.send.after");
        self.set_person(Some(confirmation.clone())).await?;
        deskbell_protocol::crash_point!("confirm.commit.after");
        Ok(confirmation)
    }

    /// *Not you?* Ends the confirmation at this PC.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub async fn forget_person(&self) -> Answer<()> {
        let (http, who) = self.0.now_or_never()?;
        let _alone = self.0.exchange.lock().await;
        http.delete(&who, "/confirmation").await?;
        self.set_person(None).await
    }

    async fn set_person(&self, confirmation: Option<Confirmation>) -> Answer<()> {
        let effects = self
            .0
            .store
            .write(move |tx| {
                let mut effects = Effects::default();
                if let Some(state) = settings::get::<AgentState>(tx, "state")? {
                    sync::apply_state(tx, &AgentState { confirmation, ..state }, &mut effects)?;
                }
                Ok(effects)
            })
            .await?;
        self.0.show(effects).await?;
        self.sync_now();
        Ok(())
    }
}
