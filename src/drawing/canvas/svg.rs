//! Shapes as an SVG 1.1 document.

use std::fmt::Write;
use std::io::Cursor;

use base64::prelude::{BASE64_STANDARD, Engine};
use image::{ImageFormat, Rgb, RgbImage};

use super::{Anchor, Canvas, Scaling, Shape, Text};
use crate::drawing::font::Weight;

/// Fonts as wide as the one that travels with the crate, where a reader has them.
const FAMILY: &str = "'DejaVu Sans', Verdana, sans-serif";

/// The document; a screen reader says `alt`.
pub(super) fn write(canvas: &Canvas, alt: &str) -> String {
    let mut svg = head(canvas.width, canvas.height, alt);
    for shape in &canvas.shapes {
        // Writing to a string cannot fail.
        let _ = add(&mut svg, shape);
    }
    svg + "</svg>\n"
}

/// A document that holds nothing but a PNG.
pub(in crate::drawing) fn around(png: &[u8], width: u32, height: u32, alt: &str) -> String {
    format!(
        "{}<image width=\"{width}\" height=\"{height}\" style=\"image-rendering:pixelated\" \
         href=\"data:image/png;base64,{}\"/>\n</svg>\n",
        head(width, height, alt),
        BASE64_STANDARD.encode(png)
    )
}

fn head(width: u32, height: u32, alt: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} \
         {height}\" role=\"img\" font-family=\"{FAMILY}\">\n<title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
        escaped(alt)
    )
}

fn add(svg: &mut String, shape: &Shape) -> std::fmt::Result {
    match shape {
        Shape::Rect { area, colour, opacity } => writeln!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"{}/>",
            number(area.x),
            number(area.y),
            number(area.width.max(0.0)),
            number(area.height.max(0.0)),
            hex(*colour),
            see_through("fill-opacity", *opacity)
        ),
        Shape::Line { points, width, colour, opacity } => {
            let points: Vec<String> =
                points.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect();
            writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\" \
                 stroke-linejoin=\"round\"{}/>",
                points.join(" "),
                hex(*colour),
                number(*width),
                see_through("stroke-opacity", *opacity)
            )
        }
        Shape::Circle { centre, radius, colour, opacity } => writeln!(
            svg,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"{}/>",
            number(centre.0),
            number(centre.1),
            number(*radius),
            hex(*colour),
            see_through("fill-opacity", *opacity)
        ),
        Shape::Polygon { corners, colour, opacity } => {
            let corners: Vec<String> =
                corners.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect();
            writeln!(
                svg,
                "<polygon points=\"{}\" fill=\"{}\" fill-rule=\"evenodd\"{}/>",
                corners.join(" "),
                hex(*colour),
                see_through("fill-opacity", *opacity)
            )
        }
        Shape::Text { text, at, style } => write_text(svg, text, *at, style),
        Shape::Picture { image, area, scaling } => writeln!(
            svg,
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\"{} \
             href=\"data:image/png;base64,{}\"/>",
            number(area.x),
            number(area.y),
            number(area.width),
            number(area.height),
            if *scaling == Scaling::Pixels { " style=\"image-rendering:pixelated\"" } else { "" },
            BASE64_STANDARD.encode(png(image))
        ),
    }
}

fn write_text(svg: &mut String, text: &str, (x, y): (f32, f32), style: &Text) -> std::fmt::Result {
    let (x, y) = (number(x), number(y));
    let turn = if style.upright { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
    let anchor = match style.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = if style.weight == Weight::Bold { " font-weight=\"bold\"" } else { "" };
    writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\"{weight}{anchor}{turn}>{}</text>",
        number(style.size),
        hex(style.colour),
        escaped(text)
    )
}

/// At most two decimals; NaN becomes 0.
fn number(value: f32) -> String {
    let rounded = (f64::from(value) * 100.0).round() / 100.0;
    if rounded.is_finite() { format!("{}", rounded + 0.0) } else { "0".into() }
}

fn hex(colour: Rgb<u8>) -> String {
    let [r, g, b] = colour.0;
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn see_through(attribute: &str, opacity: f32) -> String {
    if opacity < 1.0 { format!(" {attribute}=\"{}\"", number(opacity)) } else { String::new() }
}

/// Text as XML holds it; control characters, which XML forbids, are left out.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push('\n'),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => safe.push(letter),
        }
    }
    safe
}

/// A picture without pixels, which PNG does not know, becomes no bytes.
fn png(image: &RgbImage) -> Vec<u8> {
    let mut png = Cursor::new(Vec::new());
    match image.write_to(&mut png, ImageFormat::Png) {
        Ok(()) => png.into_inner(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Area;
    use super::*;

    #[test]
    fn says_each_shape_once() {
        let mut canvas = Canvas::new(20, 10).unwrap();
        canvas.rect_over(Area::new(1.0, 2.5, 3.333, 4.0), Rgb([255, 0, 16]), 0.5);
        canvas.line_over(&[(0.0, 0.0), (f32::NAN, 1.0)], 2.0, Rgb([0; 3]), 1.0);
        canvas.circle_over((5.0, 5.0), 1.5, Rgb([1, 2, 3]), 1.0);
        canvas.text("a < b & \u{1}c", (1.0, 9.0), Text::new(11.0).bold().end().upright());
        canvas.picture(RgbImage::new(1, 1), Area::new(0.0, 0.0, 4.0, 4.0), Scaling::Pixels);
        let svg = canvas.svg("\"x\" > y");
        for part in [
            "<title>&quot;x&quot; &gt; y</title>",
            "<rect x=\"1\" y=\"2.5\" width=\"3.33\" height=\"4\" fill=\"#ff0010\" fill-opacity=\"0.5\"/>",
            "points=\"0,0 0,1\"",
            "<circle cx=\"5\" cy=\"5\" r=\"1.5\" fill=\"#010203\"/>",
            "font-weight=\"bold\" text-anchor=\"end\" transform=\"rotate(-90 1 9)\">a &lt; b &amp; c</text>",
            "image-rendering:pixelated",
            "href=\"data:image/png;base64,iVBOR",
        ] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
    }
}
