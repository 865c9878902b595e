//! Whether the tray's icon stands on something light or dark. The theme that the person chose for our
//! windows has no say in it: the panel is not ours.

use crate::icons::Ground;

/// To be called on the main thread, which alone may ask GTK.
pub(crate) fn ground() -> Ground {
    if cfg!(target_os = "macos") { Ground::Template } else { panel() }
}

#[cfg(target_os = "linux")]
fn panel() -> Ground {
    use gtk::prelude::GtkSettingsExt;

    let desktop = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
    let theme = gtk::Settings::default().and_then(|settings| settings.gtk_theme_name());
    of_desktop(&desktop, theme.as_deref().unwrap_or_default())
}

/// The taskbar has a setting of its own beside that of windows.
#[cfg(windows)]
fn panel() -> Ground {
    const PERSONALIZE: &str = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize";
    let light = windows_registry::CURRENT_USER.open(PERSONALIZE).and_then(|key| key.get_u32("SystemUsesLightTheme"));
    // Windows before the setting existed had a dark taskbar.
    if light == Ok(1) { Ground::Light } else { Ground::Dark }
}

/// Not asked: the Mac colours its menu bar's icons itself.
#[cfg(not(any(target_os = "linux", windows)))]
fn panel() -> Ground {
    of_desktop("", "")
}

/// GNOME's top bar is dark whatever its windows are. Elsewhere panels follow the theme.
#[cfg(not(windows))]
fn of_desktop(desktop: &str, theme: &str) -> Ground {
    let dark_bar = desktop.split(':').any(|name| matches!(name, "GNOME" | "Unity"));
    if dark_bar || theme.to_ascii_lowercase().ends_with("-dark") { Ground::Dark } else { Ground::Light }
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    #[test]
    fn a_panel_follows_the_theme_but_for_gnomes() {
        assert_eq!(of_desktop("ubuntu:GNOME", "Adwaita"), Ground::Dark);
        assert_eq!(of_desktop("KDE", "Breeze"), Ground::Light);
        assert_eq!(of_desktop("KDE", "Breeze-Dark"), Ground::Dark);
        assert_eq!(of_desktop("", ""), Ground::Light);
    }
}
