//! Drawings of a learner's own, and grids of all kinds of pictures.

use herbarium::plotters::prelude::*;
use herbarium::prelude::*;
use herbarium::viz::{Panel, picture_grid};

use crate::support::{count, look, pixels, solid};

/// A chart with everything on it that most charts have.
fn chart() -> Figure {
    let losses = [2.1, 1.4, 1.0, 0.8, 0.7, 0.66];
    Figure::draw((400, 300), |area| {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption("Verlust 損失", ("Fraktur", 18))
            .margin(8)
            .x_label_area_size(32)
            .y_label_area_size(44)
            .build_cartesian_2d(0f64..5f64, 0f64..2.5)?;
        chart.configure_mesh().x_desc("epoch").y_desc("loss").draw()?;
        let points = || losses.iter().enumerate().map(|(i, loss)| (i as f64, *loss));
        chart.draw_series(AreaSeries::new(points(), 0.0, RED.mix(0.2)))?;
        chart
            .draw_series(LineSeries::new(points(), &RED))?
            .label("train")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], RED));
        chart.draw_series(points().map(|at| TriangleMarker::new(at, 5, BLUE.filled())))?;
        chart.configure_series_labels().label_font("sans-serif").background_style(WHITE.mix(0.8)).draw()?;
        Ok(())
    })
    .unwrap()
}

#[test]
fn a_learner_draws_on_the_canvas_of_all_figures() {
    let figure = chart();
    look(&figure, "drawing.png");
    look(&figure, "drawing.svg");
    assert_eq!(pixels(&figure).dimensions(), (800, 600), "twice as dense");
    assert!(figure.svg().contains("Verlust 損失") && figure.svg().contains("<polygon"));
    // Half covered red on white, as far as no line lies over it.
    assert!(count(&figure, [255, 204, 204]) > 20_000, "{}", count(&figure, [255, 204, 204]));
    let named = figure.with_alt("losses of six epochs");
    assert_eq!(named.to_string(), "losses of six epochs");
}

#[test]
fn what_cannot_be_drawn_is_an_error() {
    let told = Figure::draw((100, 100), |_| Err("out of paint".into())).unwrap_err().to_string();
    assert!(told.contains("out of paint"), "{told}");
    let told = Figure::draw((1 << 20, 1 << 20), |_| Ok(())).unwrap_err().to_string();
    assert!(told.contains("too large"), "{told}");
    let family = Figure::draw((100, 100), |area| {
        area.draw(&MultiLineText::<_, &str>::new((0, 0), ("Fraktur", 12)))?;
        ("Fraktur", 12).into_font().box_size("rose")?;
        Ok(())
    });
    assert!(family.unwrap_err().to_string().contains("register_font"));
}

#[test]
fn charts_stand_beside_photographs() {
    let photograph = image::RgbImage::from_pixel(96, 64, image::Rgb([10, 120, 30]));
    let panels = vec![
        Panel::from(photograph.clone()).title("a leaf").note("96 x 64"),
        Panel::from(chart()).title("its training"),
        Panel::from(im_convert(&solid([0.4, 0.2, 0.6], 16)).unwrap()).title("a tensor").pixels(),
        Panel::from(image::GrayImage::from_pixel(30, 60, image::Luma([90]))).title("grey"),
    ];
    let figure = picture_grid(panels.clone(), Grid { rows: 2, columns: 2 }).unwrap();
    look(&figure, "panels.png");
    look(&figure, "panels.svg");
    assert_eq!(figure.alt(), "4 pictures\na leaf, 96 x 64\nits training\na tensor\ngrey");
    assert!(figure.svg().contains("Verlust"), "the chart stays shapes");
    assert!(count(&figure, [10, 120, 30]) > 4 * 216 * 140, "the photograph is 216 wide");
    let one = picture_grid(panels, Grid { rows: 1, columns: 1 }).unwrap();
    assert_eq!(one.alt(), "1 picture\na leaf, 96 x 64");
    assert!(picture_grid(vec![], Grid { rows: 0, columns: 1 }).is_err());
    picture_grid(vec![], Grid::default()).unwrap();
}
