//! Vector instructions beyond the baseline of the architecture.
//!
//! The compiler vectorises loops over adjacent numbers; closures passed to these functions are compiled a
//! second time for wider vectors, with the same results. The closures must be marked `#[inline(always)]`, and
//! what they call too: other functions stay as they are.

/// Runs `work` with vectors of 32 bytes (AVX2), where the processor has them.
#[inline(always)]
pub(crate) fn wide<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if x86::has_avx2() {
        // SAFETY: the processor has the instructions: that is all that `with_avx2` asks for.
        return unsafe { x86::with_avx2(work) };
    }
    work()
}

/// Runs `work` with vectors of 64 bytes (AVX-512), or else as [`wide`]: for loops of plain arithmetic. For
/// shuffles, as in a transposition, shorter vectors are faster.
#[inline(always)]
pub(crate) fn widest<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if x86::has_avx512() {
        // SAFETY: as above, for `with_avx512`.
        return unsafe { x86::with_avx512(work) };
    }
    wide(work)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::is_x86_feature_detected as has;

    #[inline(always)]
    pub(super) fn has_avx2() -> bool {
        has!("avx2")
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    #[inline(always)]
    pub(super) fn has_avx512() -> bool {
        has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl")
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn with_avx512<R>(work: impl FnOnce() -> R) -> R {
        work()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_results() {
        let numbers: Vec<u8> = (0..=255).cycle().take(1000).collect();
        #[inline(always)]
        fn sum(numbers: &[u8]) -> u32 {
            numbers.iter().map(|&number| u32::from(number) * 7).sum()
        }
        let expected = sum(&numbers);
        let results = [
            wide(
                #[inline(always)]
                || sum(&numbers),
            ),
            widest(
                #[inline(always)]
                || sum(&numbers),
            ),
        ];
        assert_eq!(results, [expected; 2]);
    }
}
