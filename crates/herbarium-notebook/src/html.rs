//! Small pieces of HTML for [`MimeBundle::with_html`](crate::MimeBundle::with_html). JupyterLab gives tables and text its theme's colours by itself; what has a
//! colour of its own takes it from the theme, with one for other front ends.

/// The theme's paler text colour.
pub const PALE: &str = "color:var(--jp-content-font-color2,inherit);opacity:.8";
/// The theme's brand colour, for bars.
const BRAND: &str = "var(--jp-brand-color1,#1f77b4)";

/// Text as HTML shows it.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A table whose cells are already HTML. Without a head it is a left-aligned list of names and values.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| -> String {
        let side = if head.is_empty() { " style=\"text-align:left\"" } else { "" };
        cells.map(|cell| format!("<{tag}{side}>{cell}</{tag}>")).collect()
    };
    let body: String = rows
        .iter()
        .map(|row| format!("<tr>{}</tr>", cells("td", &mut row.iter().map(String::as_str))))
        .collect();
    let head = if head.is_empty() {
        String::new()
    } else {
        format!("<thead><tr>{}</tr></thead>", cells("th", &mut head.iter().copied()))
    };
    format!("<table>{head}<tbody>{body}</tbody></table>")
}

/// A bar for a share of 0 to 1; the number itself goes beside it.
pub fn bar(share: f64) -> String {
    let width = (100.0 * share.clamp(0.0, 1.0)).round();
    format!(
        "<span style=\"display:inline-block;width:80px;height:8px;background:var(--jp-layout-color3,#ddd)\">\
         <span style=\"display:block;width:{width}%;height:8px;background:{BRAND}\"></span></span>"
    )
}
