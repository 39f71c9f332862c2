//! A summary as a table in a notebook, legible on light and dark pages: all colours are shades of the
//! page's own.

use super::text::{megabytes, units};
use super::{LayerSummary, Summary};
use crate::notebook::numbers::thousands;

const STYLE: &str = "<style>\
.hb-summary table{border-collapse:collapse;font-size:12px}\
.hb-summary th,.hb-summary td{text-align:right;padding:2px 10px;white-space:nowrap;border:none}\
.hb-summary th:first-child,.hb-summary td:first-child{text-align:left}\
.hb-summary thead th{border-bottom:1px solid currentColor}\
.hb-summary tbody tr:hover{background:color-mix(in srgb,currentColor 8%,transparent)}\
.hb-summary .k{opacity:.65}\
.hb-summary .f{opacity:.6}\
.hb-summary .b{font-weight:600}\
.hb-summary dl{display:grid;grid-template-columns:max-content max-content;gap:0 14px;font-size:12px;margin:8px 0}\
.hb-summary dd{margin:0;text-align:right}\
</style>";

pub(super) fn table(summary: &Summary) -> String {
    let head =
        ["layer", "output", "parameters", "mult-adds", "trainable"].map(|name| format!("<th>{name}</th>"));
    let rows: String = summary.shown().map(|(layer, closed)| row(layer, closed)).collect();
    let Summary { total_params, trainable_params, .. } = *summary;
    let facts = [
        ("parameters", thousands(total_params)),
        ("trainable", thousands(trainable_params)),
        ("frozen", thousands(total_params - trainable_params)),
        ("mult-adds", mult_adds(summary.total_mult_adds)),
        ("input", format!("{} MB", megabytes(summary.input_bytes))),
        ("forward and backward", format!("{} MB", megabytes(summary.output_bytes))),
        ("parameters' memory", format!("{} MB", megabytes(summary.param_bytes))),
        ("estimated total", format!("{} MB", megabytes(summary.total_bytes()))),
    ];
    let facts: String = facts.map(|(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>")).concat();
    format!(
        "{STYLE}<div class=\"hb-summary\"><table><thead><tr>{}</tr></thead><tbody>{rows}</tbody></table>\
         <dl>{facts}</dl></div>",
        head.concat()
    )
}

fn mult_adds(number: u64) -> String {
    let (unit, number) = units(number);
    format!("{number:.2} {unit}")
}

fn row(layer: &LayerSummary, closed: bool) -> String {
    let mut class = String::new();
    if layer.trainable() == "False" {
        class += " f";
    }
    if !layer.is_leaf {
        class += " b";
    }
    let trainable = match layer.trainable() {
        "True" => "yes",
        "False" => "frozen",
        "Partial" => "in part",
        _ => "",
    };
    let size: Vec<String> = layer.output_size.iter().map(i64::to_string).collect();
    let blank = |text: String| if text == "--" { String::new() } else { text };
    format!(
        "<tr class=\"{}\"><td style=\"padding-left:{}px\" title=\"{path}\">{name} <span class=\"k\">{kind}</span></td>\
         <td>{}</td><td>{}</td><td>{}</td><td>{trainable}</td></tr>",
        class.trim_start(),
        10 + 16 * layer.depth,
        size.join(" × "),
        blank(layer.params_text(closed)),
        blank(layer.mult_adds_text(closed)),
        path = layer.path,
        name = if layer.path.is_empty() { "" } else { layer.name() },
        kind = layer.kind,
    )
}
