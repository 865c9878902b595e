//! A tray: the host that a panel would be, which reads an item's icon and menu and clicks in it.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::sync::watch;
use zbus::{
    message::Header,
    proxy,
    zvariant::{OwnedValue, Structure, Value},
};

use crate::{desktop::Desktop, wait::until};

const NAME: &str = "org.kde.StatusNotifierWatcher";

#[derive(Debug)]
pub struct TrayHost {
    bus: zbus::Connection,
    items: watch::Receiver<Vec<Item>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    owner: String,
    path: String,
}

/// One entry of a tray menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: i32,
    pub label: String,
    pub enabled: bool,
}

impl TrayHost {
    pub async fn start(desktop: &Desktop) -> Result<Self> {
        let (sender, items) = watch::channel(Vec::new());
        let bus = desktop.bus().await?;
        bus.object_server().at("/StatusNotifierWatcher", Watcher { items: sender }).await?;
        bus.request_name(NAME).await.context("another tray is on this desktop")?;
        Ok(Self { bus, items })
    }

    /// The newest item that is still on the bus.
    async fn item(&self) -> Result<Item> {
        let names = zbus::fdo::DBusProxy::new(&self.bus).await?;
        let items = self.items.borrow().clone();
        for item in items.into_iter().rev() {
            if names.name_has_owner(item.owner.as_str().try_into()?).await? {
                return Ok(item);
            }
        }
        bail!("no program has put an item into the tray")
    }

    async fn proxy(&self) -> Result<StatusNotifierItemProxy<'static>> {
        let item = self.item().await?;
        let builder = StatusNotifierItemProxy::builder(&self.bus).destination(item.owner)?.path(item.path)?;
        Ok(builder.cache_properties(proxy::CacheProperties::No).build().await?)
    }

    async fn menu_proxy(&self) -> Result<DbusMenuProxy<'static>> {
        let owner = self.item().await?.owner;
        let path = self.proxy().await?.menu().await?;
        Ok(DbusMenuProxy::builder(&self.bus).destination(owner)?.path(path)?.build().await?)
    }

    /// The icon's pixels, as a panel would load them.
    pub async fn icon(&self) -> Result<image::RgbaImage> {
        let item = self.proxy().await?;
        let name = item.icon_name().await?;
        let path = std::path::PathBuf::from(&name);
        let path = if path.is_absolute() {
            path
        } else {
            std::path::Path::new(&item.icon_theme_path().await?).join(format!("{name}.png"))
        };
        Ok(image::open(&path).with_context(|| format!("the tray names {}", path.display()))?.into_rgba8())
    }

    /// The menu's entries, without separators.
    pub async fn menu(&self) -> Result<Vec<Entry>> {
        let (_, root) = self.menu_proxy().await?.get_layout(0, -1, &[]).await?;
        Ok(root.2.iter().filter_map(entry).filter(|entry| !entry.label.is_empty()).collect())
    }

    /// Waits until the menu has an entry whose label holds one of `texts`.
    pub async fn wait_for(&self, texts: &[&str], within: Duration) -> Result<Entry> {
        until(&format!("the tray's menu says one of {texts:?}"), within, async || {
            let menu = self.menu().await?;
            let found = menu.iter().find(|entry| texts.iter().any(|text| entry.label.contains(text))).cloned();
            found.map(Some).with_context(|| format!("it says {:?}", menu.iter().map(|e| &e.label).collect::<Vec<_>>()))
        })
        .await
    }

    /// Opens the menu and chooses an entry, as a person would.
    pub async fn click(&self, texts: &[&str]) -> Result<()> {
        let entry = self.wait_for(texts, crate::wait::SOON).await?;
        let menu = self.menu_proxy().await?;
        Ok(menu.event(entry.id, "clicked", &Value::from(0), 0).await?)
    }
}

fn entry(child: &OwnedValue) -> Option<Entry> {
    let fields = child.downcast_ref::<Structure<'_>>().ok()?;
    let id = fields.fields().first()?.downcast_ref::<i32>().ok()?;
    let properties: HashMap<String, Value<'_>> = fields.fields().get(1)?.try_clone().ok()?.try_into().ok()?;
    let label = properties.get("label").and_then(|v| v.downcast_ref::<String>().ok()).unwrap_or_default();
    let enabled = properties.get("enabled").and_then(|v| v.downcast_ref::<bool>().ok()).unwrap_or(true);
    // An underscore marks the key of a mnemonic; two are one.
    let label = label.replace("__", "\u{0}").replace('_', "").replace('\u{0}', "_");
    Some(Entry { id, label, enabled })
}

struct Watcher {
    items: watch::Sender<Vec<Item>>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    /// An item names its bus name, or only the path of an object on the sender's own.
    fn register_status_notifier_item(&self, service: String, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let item = if service.starts_with('/') {
            Item { owner: sender, path: service }
        } else {
            Item { owner: service, path: "/StatusNotifierItem".into() }
        };
        self.items.send_modify(|items| items.push(item));
    }

    fn register_status_notifier_host(&self, _service: String) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.items.borrow().iter().map(|item| format!("{}{}", item.owner, item.path)).collect()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

#[proxy(interface = "org.kde.StatusNotifierItem")]
trait StatusNotifierItem {
    #[zbus(property)]
    fn icon_name(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn icon_theme_path(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn menu(&self) -> zbus::Result<zbus::zvariant::OwnedObjectPath>;
}

type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

#[proxy(interface = "com.canonical.dbusmenu")]
trait DbusMenu {
    fn get_layout(&self, parent: i32, depth: i32, properties: &[&str]) -> zbus::Result<(u32, Layout)>;
    fn event(&self, id: i32, event: &str, data: &Value<'_>, timestamp: u32) -> zbus::Result<()>;
}
