//! Guesses the format of a file that is not a supported picture.

/// Advice for formats that Pillow reads: the Pillow line that converts them.
const PILLOW: &str =
    "`Image.open(IN).convert(\"RGB\").save(OUT)` of Pillow, with OUT a name that ends in .png";

/// The message for a file in an unsupported format: what it is, if recognised, and what to do.
pub(crate) fn what_else(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(512)];
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    let text = text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']);
    let at = |magic: &[u8]| start.starts_with(magic);
    if let Some(brands) = brands(start) {
        return of_media_file(&brands);
    }
    if at(b"\0\0\0\x0cjP  \r\n\x87\n") || at(b"\xff\x4f\xff\x51") {
        return picture("a JPEG 2000 picture", PILLOW);
    }
    if at(b"\xff\x0a") || at(b"\0\0\0\x0cJXL \r\n\x87\n") {
        return picture("a JPEG XL picture", "`djxl IN OUT.png` of libjxl");
    }
    if at(b"8BPS") {
        return picture("a Photoshop file", PILLOW);
    }
    if at(b"\0\0\x01\0") || at(b"DDS ") || at(b"icns") {
        return picture("an icon or texture", PILLOW);
    }
    if text.starts_with("<svg") || text.starts_with("<?xml") && text.contains("<svg") {
        return picture("an SVG drawing", "`rsvg-convert IN -o OUT.png`");
    }
    if text.starts_with("<!doctype html") || text.starts_with("<html") {
        return "it is a web page: a download got a page instead of the picture. Fetch it again or delete it"
            .into();
    }
    if text.starts_with("version https://git-lfs") {
        return "it is a pointer of Git LFS, not the picture itself: `git lfs pull` fetches it".into();
    }
    if at(b"%PDF") {
        return picture("a PDF document", "`pdftoppm -png IN OUT`");
    }
    "not a picture, whatever its name says: delete it or move it elsewhere".into()
}

/// The message for an unsupported variant of a supported format (a TIFF with a palette).
pub(crate) fn unread_kind(problem: &dyn std::fmt::Display) -> String {
    format!("this kind of picture is not read ({problem}). Convert it, for example with {PILLOW}")
}

fn picture(what: &str, how: &str) -> String {
    format!(
        "it is {what}, whatever its name says, and that format is not read. Convert it, for example with {how}"
    )
}

/// The brands of an ISO media file (`ftyp` box): its major brand, then the compatible ones.
fn brands(start: &[u8]) -> Option<Vec<&[u8]>> {
    if start.get(4..8)? != b"ftyp" {
        return None;
    }
    let length = u32::from_be_bytes(start.get(..4)?.try_into().ok()?) as usize;
    let end = length.clamp(12, start.len().max(12)).min(start.len());
    let compatible = start.get(16..end).unwrap_or_default().chunks_exact(4);
    Some(start.get(8..12).into_iter().chain(compatible).collect())
}

fn of_media_file(brands: &[&[u8]]) -> String {
    let has =
        |names: &[&[u8; 4]]| brands.iter().any(|brand| names.iter().any(|name| *brand == name.as_slice()));
    if has(&[b"avif", b"avis"]) {
        return picture("an AVIF picture", &format!("{PILLOW} (since Pillow 11.3)"));
    }
    if has(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]) {
        let how = format!(
            "{PILLOW} after `pillow_heif.register_heif_opener()` of the package pillow-heif; an iPhone takes JPEG where \
             Settings, Camera, Formats says Most Compatible"
        );
        return picture("a HEIC picture, as phones take them", &how);
    }
    if has(&[b"crx "]) {
        return picture("a camera's raw file (CR3)", "`darktable-cli IN OUT.jpg`");
    }
    "it is a video (MP4 or similar), not a picture: move it elsewhere".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(brand: &[u8; 4], compatible: &[&[u8; 4]]) -> Vec<u8> {
        let length = 16 + 4 * compatible.len() as u32;
        let compatible: Vec<u8> = compatible.iter().flat_map(|brand| brand.iter().copied()).collect();
        [&length.to_be_bytes()[..], b"ftyp", brand, b"\0\0\0\0", &compatible].concat()
    }

    #[test]
    fn formats_are_named_by_their_content() {
        let cases: [(Vec<u8>, &str); 13] = [
            (media(b"heic", &[b"mif1"]), "a HEIC picture"),
            (media(b"mif1", &[b"heic"]), "a HEIC picture"),
            (media(b"mif1", &[b"miaf", b"avif"]), "an AVIF picture"),
            (media(b"avif", &[]), "an AVIF picture"),
            (media(b"isom", &[b"mp41"]), "a video"),
            (b"\0\0\0\x0cjP  \r\n\x87\n".to_vec(), "a JPEG 2000 picture"),
            (b"\xff\x4f\xff\x51\0".to_vec(), "a JPEG 2000 picture"),
            (b"\xff\x0a".to_vec(), "a JPEG XL picture"),
            (b"8BPS".to_vec(), "a Photoshop file"),
            (b"\xef\xbb\xbf<?xml version=\"1.0\"?><svg>".to_vec(), "an SVG drawing"),
            (b"\n<!DOCTYPE html>".to_vec(), "a web page"),
            (b"version https://git-lfs.github.com".to_vec(), "git lfs pull"),
            (b"text".to_vec(), "not a picture, whatever its name says"),
        ];
        for (bytes, expected) in cases {
            let told = what_else(&bytes);
            assert!(told.contains(expected), "{told}");
        }
        for length in 0..12 {
            what_else(&media(b"heic", &[])[..length]);
        }
    }
}
