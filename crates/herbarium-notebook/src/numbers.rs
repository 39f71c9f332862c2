//! Numbers for people.

/// Digits in groups of three: `11,228,838`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_digits_by_three() {
        let shown = [0, 12, 999, 1_000, 52_326, 1_234_567, 11_228_838].map(thousands);
        assert_eq!(shown, ["0", "12", "999", "1,000", "52,326", "1,234,567", "11,228,838"]);
    }
}
