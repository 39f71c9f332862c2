//! A value in the forms in which it can be shown: text, HTML, a picture.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Map, Value, json};

/// One value in several MIME types; the front end picks the richest it can show.
///
/// Built by chaining: `MimeBundle::text("a table").with_html("<table>…</table>")`.
#[derive(Clone, Default, PartialEq)]
pub struct MimeBundle {
    parts: Vec<(String, Content)>,
    metadata: Map<String, Value>,
}

#[derive(Clone, PartialEq)]
enum Content {
    Text(String),
    Binary(Vec<u8>),
}

impl Content {
    /// As Jupyter carries it: text as it is, bytes as base64.
    fn wire(&self) -> String {
        match self {
            Content::Text(text) => text.clone(),
            Content::Binary(bytes) => BASE64_STANDARD.encode(bytes),
        }
    }
}

impl MimeBundle {
    /// A bundle of `text/plain` alone. Every bundle should have this form: it is what a terminal,
    /// a diff and a screen reader see.
    pub fn text(text: impl Into<String>) -> Self {
        Self::default().with("text/plain", text)
    }

    /// Adds `text/html`.
    pub fn with_html(self, html: impl Into<String>) -> Self {
        self.with("text/html", html)
    }

    /// Adds `image/png`, shown at `width` by `height` CSS pixels whatever its own resolution.
    pub fn with_png(mut self, png: impl Into<Vec<u8>>, width: u32, height: u32) -> Self {
        self.metadata.insert("image/png".into(), json!({ "width": width, "height": height }));
        self.with_bytes("image/png", png)
    }

    /// Adds `image/jpeg`, shown at `width` by `height` CSS pixels whatever its own resolution.
    pub fn with_jpeg(mut self, jpeg: impl Into<Vec<u8>>, width: u32, height: u32) -> Self {
        self.metadata.insert("image/jpeg".into(), json!({ "width": width, "height": height }));
        self.with_bytes("image/jpeg", jpeg)
    }

    /// Describes the PNG or JPEG in words, for pages made from a notebook (nbconvert's `alt`).
    pub fn with_alt(mut self, alt: impl Into<String>) -> Self {
        let alt = Value::String(alt.into());
        for mime in ["image/png", "image/jpeg"] {
            if let Some(known) = self.metadata.get_mut(mime).and_then(Value::as_object_mut) {
                known.insert("alt".into(), alt.clone());
            }
        }
        self
    }

    /// Adds a text form, replacing an earlier one of that type.
    pub fn with(mut self, mime: impl Into<String>, text: impl Into<String>) -> Self {
        self.set(mime.into(), Content::Text(text.into()));
        self
    }

    /// Adds a binary form, replacing an earlier one of that type.
    pub fn with_bytes(mut self, mime: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.set(mime.into(), Content::Binary(bytes.into()));
        self
    }

    fn set(&mut self, mime: String, content: Content) {
        match self.parts.iter_mut().find(|(known, _)| *known == mime) {
            Some(part) => part.1 = content,
            None => self.parts.push((mime, content)),
        }
    }

    /// The content of one type as Jupyter carries it: text as it is, bytes as base64.
    pub fn get(&self, mime: &str) -> Option<String> {
        self.parts.iter().find(|(known, _)| known == mime).map(|(_, content)| content.wire())
    }

    /// The MIME types in the order in which they were added.
    pub fn mime_types(&self) -> Vec<String> {
        self.parts.iter().map(|(mime, _)| mime.clone()).collect()
    }

    /// The `data` and `metadata` objects of Jupyter's messages.
    pub(super) fn wire(&self) -> (Value, Value) {
        let data = self.parts.iter().map(|(mime, content)| (mime.clone(), content.wire().into()));
        (Value::Object(data.collect()), Value::Object(self.metadata.clone()))
    }
}

impl std::fmt::Debug for MimeBundle {
    /// The text form, and the types there are beside it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let others: Vec<_> = self.mime_types().into_iter().filter(|mime| mime != "text/plain").collect();
        f.write_str(&self.get("text/plain").unwrap_or_default())?;
        if others.is_empty() { Ok(()) } else { write!(f, " [{}]", others.join(", ")) }
    }
}

/// A value that can be shown in a cell.
///
/// The default is the value's `Debug` text. A type with a richer form overrides [`Show::bundle`]
/// and, so that it shows as a cell's last expression, has an inherent method `pub fn
/// evcxr_display(&self) { herbarium_notebook::result(self) }`.
///
/// `By` lets a crate implement the display of another crate's type. Rust allows that if a parameter of the trait
/// is a type of the implementing crate; the compiler infers it:
///
/// ```
/// use herbarium_notebook::{MimeBundle, Show, display};
///
/// /// Any type of this crate.
/// struct Here;
///
/// impl Show<Here> for std::net::Ipv4Addr {
///     fn bundle(&self) -> MimeBundle {
///         MimeBundle::text(self.to_string()).with_html(format!("<code>{self}</code>"))
///     }
/// }
///
/// display(&std::net::Ipv4Addr::LOCALHOST);
/// ```
pub trait Show<By = ()>: std::fmt::Debug {
    /// The value in every form it has.
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(format!("{self:?}"))
    }
}

impl Show for MimeBundle {
    fn bundle(&self) -> MimeBundle {
        self.clone()
    }
}

impl MimeBundle {
    /// Shows the bundle as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        super::result(self);
    }
}

/// Strings show as they are, without quotes: `display("text")` is for people.
impl Show for str {
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self)
    }
}

impl Show for String {
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self.as_str())
    }
}

impl<T: Show<By> + ?Sized, By> Show<By> for &T {
    fn bundle(&self) -> MimeBundle {
        (**self).bundle()
    }
}

impl<T: Show<By> + ?Sized, By> Show<By> for Box<T> {
    fn bundle(&self) -> MimeBundle {
        (**self).bundle()
    }
}

impl<T: std::fmt::Debug> Show for Vec<T> {
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(super::last_value::text_of(self))
    }
}

impl<T: std::fmt::Debug> Show for Option<T> {}

macro_rules! show_by_debug {
    ($($kind:ty),*) => { $(impl Show for $kind {})* };
}
show_by_debug!(bool, char, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_form_of_the_same_type_replaces_the_earlier() {
        let bundle = MimeBundle::text("old").with_html("<b>x</b>").with("text/plain", "new");
        assert_eq!(bundle.mime_types(), ["text/plain", "text/html"]);
        assert_eq!(bundle.get("text/plain").as_deref(), Some("new"));
        assert_eq!(bundle.get("image/png"), None);
        assert_eq!(format!("{bundle:?}"), "new [text/html]");
    }

    #[test]
    fn pictures_have_their_size_and_what_they_show_beside_them() {
        let beside = |bundle: MimeBundle| bundle.with_alt("a lily").wire().1;
        let told = json!({ "width": 20, "height": 10, "alt": "a lily" });
        let png = MimeBundle::text("").with_png([1], 20, 10);
        assert_eq!(beside(png), json!({ "image/png": told.clone() }));
        let jpeg = MimeBundle::text("").with_jpeg([1], 20, 10);
        assert_eq!(beside(jpeg), json!({ "image/jpeg": told }));
    }

    #[test]
    fn debug_is_the_default_form() {
        assert_eq!(0.5f64.bundle().get("text/plain").as_deref(), Some("0.5"));
        assert_eq!("täxt".bundle().get("text/plain").as_deref(), Some("täxt"));
    }
}
