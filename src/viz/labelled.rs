//! Where names of points go so that they hide neither points nor each other.

use crate::drawing::canvas::Area;

/// Boxes that are taken.
#[derive(Default)]
pub(crate) struct OccupiedAreas(Vec<Area>);

impl OccupiedAreas {
    /// Takes a place.
    pub(crate) fn add(&mut self, area: Area) {
        self.0.push(area);
    }

    /// How much of an area is taken, in square pixels; what several boxes take counts for each.
    pub(crate) fn shared(&self, area: Area) -> f32 {
        self.0.iter().map(|taken| taken.shared(area)).sum()
    }

    /// Takes a line's places, as small boxes along it.
    pub(crate) fn add_line(&mut self, from: (f32, f32), to: (f32, f32)) {
        let (across, down) = (to.0 - from.0, to.1 - from.1);
        let steps = (across.hypot(down) / 3.0).ceil().clamp(1.0, 1000.0) as usize;
        for step in 0..=steps {
            let share = step as f32 / steps as f32;
            self.add(Area::new(from.0 + share * across - 1.0, from.1 + share * down - 1.0, 2.0, 2.0));
        }
    }

    /// Takes the first free place for a box of `size` around a point, on widening rings inside `inside`; where all is
    /// full, the one that shares least with others. `gap` is how far from the point its edge is at first.
    pub(crate) fn near(&mut self, point: (f32, f32), size: (f32, f32), gap: f32, inside: Area) -> Area {
        let (width, height) = size;
        let mut best: Option<(f32, Area)> = None;
        for ring in 0..40 {
            let gap = gap + 7.0 * ring as f32;
            for step in 0..16 {
                let angle = step as f32 * std::f32::consts::TAU / 16.0;
                let (along, up) = (angle.cos(), -angle.sin());
                // The box's middle is as far away as its own half and the gap, in that direction.
                let x = point.0 + along * (gap + width / 2.0) - width / 2.0;
                let y = point.1 + up * (gap + height / 2.0) - height / 2.0;
                let x = x.min(inside.right() - width).max(inside.x);
                let y = y.min(inside.bottom() - height).max(inside.y);
                let area = Area::new(x, y, width, height);
                let shared = self.shared(area);
                if shared == 0.0 {
                    self.add(area);
                    return area;
                }
                if best.is_none_or(|(least, _)| shared < least) {
                    best = Some((shared, area));
                }
            }
        }
        let area = best.map_or(Area::new(point.0, point.1, width, height), |(_, area)| area);
        self.add(area);
        area
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_hide_each_other() {
        let inside = Area::new(0.0, 0.0, 400.0, 300.0);
        let mut taken = OccupiedAreas::default();
        let areas: Vec<Area> =
            (0..40).map(|i| taken.near((200.0 + (i % 3) as f32, 150.0), (60.0, 14.0), 5.0, inside)).collect();
        for (index, area) in areas.iter().enumerate() {
            assert!(area.x >= 0.0 && area.right() <= 400.0 && area.y >= 0.0 && area.bottom() <= 300.0);
            assert!(areas[..index].iter().all(|other| other.shared(*area) == 0.0), "{index}");
        }
        assert_eq!(areas[0], Area::new(205.0, 143.0, 60.0, 14.0), "the first is at the right");
        // Where there is no room at all, a place is given all the same.
        taken.add(inside);
        let full = taken.near((200.0, 150.0), (60.0, 14.0), 5.0, inside);
        assert!(full.x >= 0.0 && taken.shared(full) > 0.0);
    }
}
