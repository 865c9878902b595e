//! `installer/macos/deskbell.mobileconfig`: a sample that sets what every device needs, with everything
//! else in comments beside it.

use std::fmt::Write;

use super::{Kind, SETTINGS, Setting, Texts, escape};
use crate::policy::file::RECOMMENDED;

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Made by `cargo xtask codegen` from agent-core/src/policy/list.rs. Put in your own server, key and UUIDs (uuidgen). -->
<plist version="1.0">
<dict>
	<key>PayloadType</key><string>Configuration</string>
	<key>PayloadVersion</key><integer>1</integer>
	<key>PayloadIdentifier</key><string>org.deskbell.agent.profile</string>
	<key>PayloadUUID</key><string>6F0C0B3E-4B0D-4A6B-9C55-2B7F6A1D9E01</string>
	<key>PayloadDisplayName</key><string>Deskbell</string>
	<key>PayloadScope</key><string>System</string>
	<key>PayloadContent</key>
	<array>
		<dict>
			<key>PayloadType</key><string>com.apple.ManagedClient.preferences</string>
			<key>PayloadVersion</key><integer>1</integer>
			<key>PayloadIdentifier</key><string>org.deskbell.agent.settings</string>
			<key>PayloadUUID</key><string>6F0C0B3E-4B0D-4A6B-9C55-2B7F6A1D9E02</string>
			<key>PayloadEnabled</key><true/>
			<key>PayloadContent</key>
			<dict>
				<key>org.deskbell.agent</key>
				<dict>
					<key>Forced</key>
					<array>
						<dict>
							<key>mcx_preference_settings</key>
							<dict>
"#;
const FOOT: &str = "							</dict>
						</dict>
					</array>
				</dict>
			</dict>
		</dict>
	</array>
</dict>
</plist>
";
const INDENT: &str = "								";

pub(super) fn profile(texts: &Texts) -> String {
    let mut profile = HEAD.to_owned();
    for setting in SETTINGS {
        let _ = writeln!(profile, "{INDENT}<!-- {} -->", texts.text(setting).replace("--", "—"));
        // What has a default, or depends on the place, is for whoever wants another.
        let needed = matches!(setting.kind, Kind::Address) || setting.secret;
        let pair = pair(setting);
        let line = if needed { pair } else { format!("<!-- {pair} -->") };
        let _ = writeln!(profile, "{INDENT}{line}");
    }
    let _ = writeln!(profile, "{INDENT}<!-- {} -->", texts.get("policy.recommended.text"));
    let recommended = SETTINGS.iter().find(|setting| setting.choice).map(pair).unwrap_or_default();
    let _ = writeln!(profile, "{INDENT}<!-- <key>{RECOMMENDED}</key><dict>{recommended}</dict> -->");
    profile + FOOT
}

fn pair(setting: &Setting) -> String {
    let value = match (setting.kind, setting.example) {
        (Kind::Switch, "on") => "<true/>".to_owned(),
        (Kind::Switch, _) => "<false/>".to_owned(),
        (_, text) => format!("<string>{}</string>", escape(text)),
    };
    format!("<key>{}</key>{value}", setting.name)
}

#[test]
fn what_the_sample_sets_is_read_by_the_agent() {
    let profile =
        plist::Value::from_reader_xml(profile(&Texts::of(deskbell_protocol::ticket::Language::En)).as_bytes());
    let step = |value: &plist::Value, key: &str| value.as_dictionary().and_then(|d| d.get(key)).cloned().unwrap();
    let first = |value: plist::Value| value.as_array().unwrap()[0].clone();
    let payload = first(step(&profile.unwrap(), "PayloadContent"));
    let forced = first(step(&step(&step(&payload, "PayloadContent"), "org.deskbell.agent"), "Forced"));
    let settings = step(&forced, "mcx_preference_settings");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("org.deskbell.agent.plist");
    plist::to_file_binary(&path, &settings).unwrap();
    let policy = super::super::resolve::resolve(&super::super::file::plist(&path).unwrap());
    assert_eq!(policy.faults, []);
    let locked: Vec<&str> = policy.settings.iter().filter(|s| s.locked).map(|s| s.setting.name).collect();
    assert_eq!(locked, ["server_url", "enrolment_key"]);
}
