//! `deskbell doctor`: what works between the key and the server and what does not, and what to do.

use std::process::ExitCode;

use deskbell_agent_core::{
    doctor::{self, Check, Code, Finding, Subject, Verdict},
    policy::Folders,
};
use deskbell_protocol::{device::HotkeyState, ticket::Language};
use serde_json::{Value, json};

use crate::{
    clock,
    hotkey::{self, Wish},
    running,
    setup::StartError,
    texts,
};

/// Success only where nothing failed.
///
/// # Errors
/// Where this user has no folder to look at.
pub(crate) fn run(as_json: bool, language: Language) -> Result<ExitCode, StartError> {
    let folders = Folders::of_user()?;
    let published = running::status(&folders.data);
    let subject = Subject { folders: &folders, clock: clock::now, running: published.is_some() };
    let mut findings = tauri::async_runtime::block_on(async {
        let examined = doctor::examine(&subject).await;
        let mut findings = examined.findings;
        findings.push(tray().await);
        findings.push(key(published.as_ref(), examined.hotkey.as_deref()));
        findings.push(web_view(tauri::webview_version().ok()));
        findings
    });
    findings.sort_by_key(|finding| finding.check);
    if as_json {
        println!("{:#}", report(&findings, language));
    } else {
        print!("{}", lines(&findings, language));
    }
    Ok(if doctor::is_well(&findings) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was found, and what to do about it where there is something.
fn said(finding: &Finding, language: Language) -> (String, Option<String>) {
    let values: Vec<_> = finding.values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let key = format!("doctor.{}", finding.code.word());
    let advice = format!("{key}.advice");
    let advice = texts::find(language, &advice).map(|_| texts::fill(language, &advice, &values));
    (texts::fill(language, &key, &values), advice)
}

fn report(findings: &[Finding], language: Language) -> Value {
    let checks: Vec<_> = findings
        .iter()
        .map(|finding| {
            let (found, advice) = said(finding, language);
            json!({ "check": finding.check, "verdict": finding.verdict, "code": finding.code,
                "values": finding.values, "found": found, "advice": advice })
        })
        .collect();
    json!({ "version": env!("CARGO_PKG_VERSION"), "well": doctor::is_well(findings), "checks": checks })
}

fn lines(findings: &[Finding], language: Language) -> String {
    let word = |verdict: Verdict| {
        let key = VERDICTS.iter().find(|(known, _)| *known == verdict).map_or("", |(_, key)| key);
        texts::fill(language, &format!("doctor.verdict.{key}"), &[])
    };
    let name = |check: Check| texts::fill(language, &format!("doctor.check.{}", check.word()), &[]);
    let longest = |texts: Vec<String>| texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let words = longest(VERDICTS.iter().map(|(verdict, _)| word(*verdict)).collect());
    let names = longest(Check::ALL.iter().map(|check| name(*check)).collect());
    let mut text = String::new();
    for finding in findings {
        let (found, advice) = said(finding, language);
        let (verdict, check) = (word(finding.verdict), name(finding.check));
        text.push_str(&format!("{verdict:words$}  {check:names$}  {found}\n"));
        if let Some(advice) = advice {
            text.push_str(&format!("{:words$}  {:names$}  → {advice}\n", "", ""));
        }
    }
    let sum = if doctor::is_well(findings) { "doctor.well" } else { "doctor.unwell" };
    text.push_str(&format!("\n{}\n", texts::text(language, sum)));
    text
}

const VERDICTS: &[(Verdict, &str)] = &[
    (Verdict::Ok, "ok"),
    (Verdict::Warning, "warning"),
    (Verdict::Failed, "failed"),
    (Verdict::NotChecked, "not_checked"),
];

fn has_desktop() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

#[cfg(target_os = "linux")]
async fn tray() -> Finding {
    let code = match crate::host::present().await {
        _ if !has_desktop() => Code::NoDesktop,
        Ok(true) => Code::TrayThere,
        Ok(false) | Err(_) => Code::TrayMissing,
    };
    Finding::new(Check::Tray, code)
}

/// The system itself shows them.
#[cfg(not(target_os = "linux"))]
async fn tray() -> Finding {
    Finding::new(Check::Tray, Code::TrayThere)
}

/// The agent that runs knows; where none runs, the key is taken for a moment.
fn key(published: Option<&Value>, configured: Option<&str>) -> Finding {
    let told = published.map(|status| &status["hotkey"]);
    let state = told.and_then(|told| serde_json::from_value(told["state"].clone()).ok());
    let key = told.and_then(|told| told["key"].as_str()).or(configured);
    let supported = hotkey::supported(|name| std::env::var(name).ok());
    judge(state, key, supported, has_desktop(), hotkey::is_free).with("key", key.unwrap_or_default())
}

fn judge(
    told: Option<HotkeyState>,
    key: Option<&str>,
    supported: bool,
    desktop: bool,
    is_free: impl FnOnce(&str) -> bool,
) -> Finding {
    let code = match (hotkey::wish(true, key, supported), told) {
        (Wish::Off, _) => Code::HotkeyNone,
        (Wish::Unreadable, _) => Code::HotkeyUnreadable,
        (_, Some(HotkeyState::Registered)) => Code::HotkeyHeld,
        (_, Some(HotkeyState::Taken)) => Code::HotkeyTaken,
        (_, Some(HotkeyState::Unsupported)) | (Wish::Unsupported, _) => Code::HotkeyUnsupported,
        (_, Some(HotkeyState::Off)) => Code::HotkeyAtRest,
        (_, None) if !desktop => Code::NoDesktop,
        (Wish::Hold(_), None) if is_free(key.unwrap_or_default()) => Code::HotkeyFree,
        (Wish::Hold(_), None) => Code::HotkeyTaken,
    };
    Finding::new(Check::Hotkey, code)
}

fn web_view(version: Option<String>) -> Finding {
    match version {
        Some(version) => Finding::new(Check::WebView, Code::WebViewThere).with("version", version),
        None => Finding::new(Check::WebView, Code::WebViewMissing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_its_texts_and_what_is_not_well_an_advice() {
        for language in Language::ALL {
            let has = |key: &str| texts::find(*language, key).is_some();
            for code in Code::ALL {
                let key = format!("doctor.{}", code.word());
                assert!(has(&key), "{key}");
                let advised = matches!(code.verdict(), Verdict::Warning | Verdict::Failed);
                assert_eq!(has(&format!("{key}.advice")), advised, "{key}.advice");
            }
            for check in Check::ALL {
                assert!(has(&format!("doctor.check.{}", check.word())), "{check:?}");
            }
            for (_, word) in VERDICTS {
                assert!(has(&format!("doctor.verdict.{word}")), "{word}");
            }
        }
    }

    #[test]
    fn what_is_found_is_said_in_full() {
        let finding = Finding::new(Check::Route, Code::RouteRefused).with("server", "help.example:443");
        let findings = [finding];
        let text = lines(&findings, Language::Fr);
        assert!(text.contains("help.example:443 refuse") && text.contains('→'), "{text}");
        assert!(text.ends_with("en attendant.\n"), "{text}");
        let report = report(&findings, Language::En);
        assert_eq!((&report["well"], &report["checks"][0]["verdict"]), (&json!(false), &json!("failed")));
        assert!(report["checks"][0]["advice"].as_str().unwrap().contains("server_url"));
    }

    #[test]
    fn the_agent_that_runs_knows_how_the_key_fares() {
        let busy = |_: &str| panic!("the key is the agent's: nobody tries to take it");
        for (told, code) in [
            (HotkeyState::Registered, Code::HotkeyHeld),
            (HotkeyState::Taken, Code::HotkeyTaken),
            (HotkeyState::Unsupported, Code::HotkeyUnsupported),
            (HotkeyState::Off, Code::HotkeyAtRest),
        ] {
            assert_eq!(judge(Some(told), Some("Ctrl+F12"), true, true, busy).code, code, "{told:?}");
        }
    }

    #[test]
    fn where_no_agent_runs_the_key_is_tried() {
        let tried = |key, supported, desktop, free: bool| judge(None, key, supported, desktop, |_| free).code;
        assert_eq!(tried(Some("Ctrl+F12"), true, true, true), Code::HotkeyFree);
        assert_eq!(tried(Some("Ctrl+F12"), true, true, false), Code::HotkeyTaken);
        assert_eq!(tried(Some("Ctrl+F12"), true, false, true), Code::NoDesktop);
        assert_eq!(tried(Some("Ctrl+F12"), false, true, true), Code::HotkeyUnsupported);
        assert_eq!(tried(Some("Ctrl+Wurst"), true, true, true), Code::HotkeyUnreadable);
        assert_eq!(tried(None, true, true, true), Code::HotkeyNone);
    }

    #[test]
    fn without_a_web_view_there_are_no_windows() {
        assert_eq!(web_view(None).code, Code::WebViewMissing);
        assert_eq!(web_view(Some("2.46".to_owned())).values["version"], "2.46");
    }
}
