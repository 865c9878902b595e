//! A window as the agent's form has it, without the form.

use gtk::{gdk, glib, prelude::*};

/// Logical pixels of the form.
pub const SIZE: (i32, i32) = (480, 620);

/// A hidden window of the form's size. Escape hides it again.
#[must_use]
pub fn window() -> gtk::Window {
    let window = gtk::Window::new(gtk::WindowType::Toplevel);
    window.set_title("floor");
    window.set_default_size(SIZE.0, SIZE.1);
    window.set_position(gtk::WindowPosition::Center);
    window.connect_key_press_event(|window, event| {
        if event.keyval() == gdk::keys::constants::Escape {
            window.hide();
            return glib::Propagation::Stop;
        }
        glib::Propagation::Proceed
    });
    window
}

/// Shows it on top, with the focus.
pub fn show(window: &gtk::Window) {
    window.show_all();
    window.present();
}
