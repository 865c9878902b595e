//! A bare GTK window that is shown by the key, and hidden by Escape.

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    use std::{cell::RefCell, rc::Rc};

    use deskbell_floors::{on_key, show, window};
    use gtk::{glib, prelude::*};

    thread_local! {
        static WINDOW: RefCell<Option<Rc<gtk::Window>>> = const { RefCell::new(None) };
    }

    gtk::init()?;
    let window = window();
    let paint = gtk::DrawingArea::new();
    paint.connect_draw(|area, context| {
        let (width, height) = (f64::from(area.allocated_width()), f64::from(area.allocated_height()));
        // The accent of `ui/shared/tokens.css`, where the form's button is.
        context.set_source_rgb(f64::from(0x2c) / 255.0, f64::from(0x54) / 255.0, f64::from(0xdb) / 255.0);
        context.rectangle(width - 140.0, height - 50.0, 120.0, 36.0);
        // What cannot be drawn is never seen, which is what is measured.
        let _ = context.fill();
        glib::Propagation::Proceed
    });
    window.add(&paint);
    WINDOW.set(Some(Rc::new(window)));
    on_key(|| WINDOW.with_borrow(|window| window.as_deref().map(show)).unwrap_or_default())?;
    println!("ready");
    gtk::main();
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {}
