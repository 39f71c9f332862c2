//! A bar that moves as an iterator does.

use super::Progress;

/// The elements of an iterator, with a bar; made by [`Progress::over`].
///
/// The bar's total is the iterator's own upper bound, if it has one. It closes at the end, or says
/// `stopped` if the loop was left early.
#[derive(Debug)]
pub struct ProgressIter<I> {
    inner: I,
    bar: Progress,
    /// The loop holds an element; its step counts as done when the next one is requested.
    lent: bool,
}

impl<I: Iterator> ProgressIter<I> {
    pub(super) fn new(description: String, inner: I) -> Self {
        let bar = match inner.size_hint().1 {
            Some(total) => Progress::new(description, total as u64),
            None => Progress::unbounded(description),
        };
        Self { inner, bar, lent: false }
    }

    /// The unit of a step, see [`Progress::unit`].
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.bar.unit = unit.into();
        self
    }

    /// The bar itself.
    pub fn bar(&mut self) -> &mut Progress {
        &mut self.bar
    }
}

impl<I: Iterator> Iterator for ProgressIter<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if std::mem::take(&mut self.lent) {
            self.bar.update(1);
        }
        let next = self.inner.next();
        match next {
            Some(_) => self.lent = true,
            None => {
                // An upper bound may be too high: at the end, what was done is all there was.
                self.bar.total = self.bar.total.map(|_| self.bar.done);
                self.bar.close();
            }
        }
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_the_loop_has_done() {
        let inner = 0..3;
        let mut iter = ProgressIter { inner, bar: Progress::hidden("x", 3), lent: false };
        assert_eq!(iter.next(), Some(0));
        assert_eq!(iter.bar().position(), 0, "the first is not done yet");
        assert_eq!(iter.by_ref().count(), 2);
        assert_eq!(iter.bar().position(), 3);
        assert!(iter.bar().to_string().contains("100%"));
    }

    #[test]
    fn a_bound_that_was_too_high_is_corrected_at_the_end() {
        let inner = (0..10).filter(|number| number % 2 == 0);
        let mut iter = ProgressIter { inner, bar: Progress::hidden("x", 10), lent: false };
        assert_eq!(iter.by_ref().count(), 5);
        assert!(iter.bar().to_string().contains("5/5"), "{:?}", iter.bar());
    }
}
