//! Which samples of an epoch one of several processes takes.

/// The part of an epoch's samples that is one process's, of several that work on the same data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub rank: usize,
    pub world: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Every `world`-th sample from the one numbered `rank`, after repeating as many from the start as make all parts equally
    /// long: `torch.utils.data.DistributedSampler`.
    EquallyLong,
    /// Neighbouring samples, none of them twice: parts differ by at most one sample, and put together in the ranks'
    /// order they are the epoch.
    EachOnce,
}

impl Share {
    /// How many of `count` samples it has.
    pub fn len(&self, count: usize) -> usize {
        match self.kind {
            Kind::EquallyLong => count.div_ceil(self.world),
            Kind::EachOnce => self.end(count) - self.start(count),
        }
    }

    /// Its samples, of those of an epoch.
    pub fn of(&self, order: &[usize]) -> Vec<usize> {
        match self.kind {
            Kind::EquallyLong => {
                let padded = order.len().div_ceil(self.world) * self.world;
                let places = (self.rank..padded).step_by(self.world);
                places.map(|place| order[place % order.len()]).collect()
            }
            Kind::EachOnce => order[self.start(order.len())..self.end(order.len())].to_vec(),
        }
    }

    fn start(&self, count: usize) -> usize {
        count * self.rank / self.world
    }

    fn end(&self, count: usize) -> usize {
        count * (self.rank + 1) / self.world
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(kind: Kind, world: usize, count: usize) -> Vec<Vec<usize>> {
        let order: Vec<usize> = (0..count).map(|place| place + 100).collect();
        let share = |rank| Share { rank, world, kind };
        let parts: Vec<_> = (0..world).map(|rank| share(rank).of(&order)).collect();
        for (rank, part) in parts.iter().enumerate() {
            assert_eq!(part.len(), share(rank).len(count));
        }
        parts
    }

    /// Expected: `list(DistributedSampler(range(100, 105), num_replicas=3, rank=r, shuffle=False))` of torch 2.13, and
    /// of two samples for five ranks.
    #[test]
    fn parts_are_pytorchs() {
        assert_eq!(parts(Kind::EquallyLong, 3, 5), [vec![100, 103], vec![101, 104], vec![102, 100]]);
        assert_eq!(parts(Kind::EquallyLong, 5, 2), [[100], [101], [100], [101], [100]]);
        assert_eq!(parts(Kind::EquallyLong, 2, 0), [[0usize; 0]; 2]);
    }

    #[test]
    fn parts_without_repetition_are_the_epoch_together() {
        for (world, count) in [(1, 3), (2, 5), (4, 2), (3, 0), (5, 23)] {
            let whole: Vec<usize> = (100..100 + count).collect();
            assert_eq!(parts(Kind::EachOnce, world, count).concat(), whole);
        }
    }
}
