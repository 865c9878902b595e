//! A bare icon in the tray with a menu, made with the crates that the agent makes its own with.

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    use tray_icon::{
        Icon, TrayIconBuilder,
        menu::{Menu, MenuItem},
    };

    gtk::init()?;
    let menu = Menu::new();
    for text in ["One", "Two", "Three", "Four", "Five"] {
        menu.append(&MenuItem::new(text, true, None))?;
    }
    let icon = Icon::from_rgba(vec![0x80; 24 * 24 * 4], 24, 24)?;
    let _tray = TrayIconBuilder::new().with_menu(Box::new(menu)).with_icon(icon).with_tooltip("floor").build()?;
    println!("ready");
    gtk::main();
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {}
