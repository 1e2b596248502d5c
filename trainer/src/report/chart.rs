//! A chart with two axes, drawn by plotters, coloured by the page's style sheet.
//!
//! plotters writes colours into the SVG. The ones used here are codes for roles; afterwards each
//! becomes a class, so that one drawing suits a light and a dark page, a screen and paper.

use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// plotters draws on whole pixels: a finer grid than the page's makes curves smooth.
const SCALE: i32 = 4;
/// plotters divides font sizes by this on their way into an SVG.
const FONT_SCALE: f64 = 1.24;
const FONT_PX: f64 = 12.5;
const WIDTH: i32 = 520;
const HEIGHT: i32 = 350;
const TOP: i32 = 34;
const RIGHT: i32 = 26;
const LEFT: i32 = 50;
const BOTTOM: i32 = 52;

/// What a mark is for; the style sheet says how that looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Text and axes.
    Ink = 1,
    /// Labels that stand back.
    Muted = 2,
    /// Lines behind everything.
    Grid = 3,
    /// The positive class.
    Positive = 4,
    /// The negative class.
    Negative = 5,
    /// What the chart is about.
    Accent = 6,
}

const ROLES: [(Role, &str); 6] = [
    (Role::Ink, "ink"),
    (Role::Muted, "muted"),
    (Role::Grid, "grid"),
    (Role::Positive, "positive"),
    (Role::Negative, "negative"),
    (Role::Accent, "accent"),
];

impl Role {
    /// The code that stands for it in plotters' SVG.
    fn code(self) -> RGBColor {
        RGBColor(1, 2, self as u8)
    }
}

/// One axis.
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) range: [f64; 2],
    pub(super) n_ticks: usize,
    pub(super) tick: fn(f64) -> String,
}

/// On which side of its point a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Something drawn, in the coordinates of the axes.
pub(super) enum Mark {
    Line {
        points: Vec<[f64; 2]>,
        role: Role,
        is_dashed: bool,
    },
    /// The area between points and `base`.
    Area {
        points: Vec<[f64; 2]>,
        base: f64,
        role: Role,
    },
    Bar {
        from: [f64; 2],
        to: [f64; 2],
        role: Role,
    },
    Dot {
        at: [f64; 2],
        role: Role,
    },
    Text {
        at: [f64; 2],
        text: String,
        side: Side,
        role: Role,
    },
}

/// A chart.
pub(super) struct Chart {
    /// Unique on the page; letters and hyphens only.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// How to read it, in a sentence.
    pub(super) note: String,
    /// What a reader who does not see it must know.
    pub(super) description: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) marks: Vec<Mark>,
}

impl Chart {
    /// The chart as a figure.
    pub(super) fn figure(&self) -> Markup {
        // Drawing into memory does not fail; should it, the note still stands.
        let drawing = self.draw().unwrap_or_default();
        html! {
            figure.chart {
                figcaption { strong { (self.title) } " " span.note { (self.note) } }
                svg role="img" viewBox={ "0 0 " (WIDTH * SCALE) " " (HEIGHT * SCALE) }
                    aria-labelledby={ (self.id) "-title " (self.id) "-desc" } {
                    title id={ (self.id) "-title" } { (self.title) }
                    desc id={ (self.id) "-desc" } { (self.description) }
                    (PreEscaped(drawing))
                }
            }
        }
    }

    /// The inside of the SVG, its colours turned into classes.
    fn draw(&self) -> Option<String> {
        let mut svg = String::new();
        let size = ((WIDTH * SCALE) as u32, (HEIGHT * SCALE) as u32);
        {
            let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            let mut chart = ChartBuilder::on(&root)
                .margin_top(TOP * SCALE)
                .margin_right(RIGHT * SCALE)
                .x_label_area_size((BOTTOM - 18) * SCALE)
                .margin_bottom(18 * SCALE)
                .y_label_area_size(LEFT * SCALE)
                .build_cartesian_2d(
                    self.x.range[0]..self.x.range[1],
                    self.y.range[0]..self.y.range[1],
                )
                .ok()?;
            let line = |role: Role, width: u32| role.code().stroke_width(width * SCALE as u32);
            let hair = Role::Grid.code().stroke_width(SCALE as u32);
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(hair)
                .axis_style(Role::Muted.code().stroke_width(SCALE as u32))
                .set_all_tick_mark_size(4 * SCALE)
                .x_labels(self.x.n_ticks)
                .y_labels(self.y.n_ticks)
                .x_label_formatter(&|x| (self.x.tick)(*x))
                .y_label_formatter(&|y| (self.y.tick)(*y))
                .label_style(font(Role::Muted))
                .draw()
                .ok()?;
            for mark in &self.marks {
                match mark {
                    Mark::Line {
                        points,
                        role,
                        is_dashed: false,
                    } => chart
                        .draw_series(LineSeries::new(pairs(points), line(*role, 2)))
                        .map(drop),
                    Mark::Line { points, role, .. } => chart
                        .draw_series(DashedLineSeries::new(
                            pairs(points),
                            5 * SCALE as u32,
                            4 * SCALE as u32,
                            line(*role, 1),
                        ))
                        .map(drop),
                    Mark::Area { points, base, role } => chart
                        .draw_series(AreaSeries::new(pairs(points), *base, role.code().mix(0.14)))
                        .map(drop),
                    Mark::Bar { from, to, role } => {
                        let corners = [(from[0], from[1]), (to[0], to[1])];
                        chart
                            .draw_series([Rectangle::new(corners, role.code().filled())])
                            .map(drop)
                    }
                    Mark::Dot { at, role } => chart
                        .draw_series([Circle::new((at[0], at[1]), 4 * SCALE, role.code().filled())])
                        .map(drop),
                    Mark::Text {
                        at,
                        text,
                        side,
                        role,
                    } => {
                        let (h_pos, offset) = match side {
                            Side::Left => (HPos::Right, -7 * SCALE),
                            Side::Right => (HPos::Left, 7 * SCALE),
                        };
                        let style = font(*role).pos(Pos::new(h_pos, VPos::Center));
                        let text = Text::new(text.clone(), (offset, 0), style);
                        chart
                            .draw_series([EmptyElement::at((at[0], at[1])) + text])
                            .map(drop)
                    }
                }
                .ok()?;
            }
            let y_name = font(Role::Muted).pos(Pos::new(HPos::Left, VPos::Top));
            root.draw_text(self.y.label, &y_name, (2 * SCALE, 4 * SCALE))
                .ok()?;
            let x_name = font(Role::Muted).pos(Pos::new(HPos::Right, VPos::Bottom));
            let corner = ((WIDTH - RIGHT) * SCALE, (HEIGHT - 4) * SCALE);
            root.draw_text(self.x.label, &x_name, corner).ok()?;
            root.present().ok()?;
        }
        let start = svg.find('>')? + 1;
        let end = svg.rfind("</svg>")?;
        Some(with_classes(svg.get(start..end)?))
    }
}

fn pairs(points: &[[f64; 2]]) -> Vec<(f64, f64)> {
    points.iter().map(|point| (point[0], point[1])).collect()
}

fn font(role: Role) -> TextStyle<'static> {
    let size = FONT_PX * f64::from(SCALE) * FONT_SCALE;
    ("sans-serif", size).into_font().color(&role.code())
}

/// Turns each role's code into a class. Text cannot hold such a pair: its quotes are escaped.
fn with_classes(svg: &str) -> String {
    let mut svg = svg.to_owned();
    for (role, name) in ROLES {
        let code = format!("#0102{:02X}", role as u8);
        for attribute in ["fill", "stroke"] {
            let class = format!("class=\"{attribute}-{name}\"");
            svg = svg.replace(&format!("{attribute}=\"{code}\""), &class);
        }
    }
    svg.replace(" font-family=\"sans-serif\"", "")
        .replace(" opacity=\"1\"", "")
        .replace(" opacity=\"1.0\"", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(text: &str) -> Chart {
        let axis = |label| Axis {
            label,
            range: [0.0, 1.0],
            n_ticks: 5,
            tick: |x| format!("{x:.1}"),
        };
        let points = vec![[0.0, 0.0], [1.0, 1.0]];
        let line = |is_dashed| Mark::Line {
            points: points.clone(),
            role: Role::Accent,
            is_dashed,
        };
        let area = Mark::Area {
            points: points.clone(),
            base: 0.0,
            role: Role::Positive,
        };
        let bar = Mark::Bar {
            from: [0.0, 0.0],
            to: [0.1, 0.5],
            role: Role::Negative,
        };
        let dot = Mark::Dot {
            at: [0.5, 0.5],
            role: Role::Accent,
        };
        let text = Mark::Text {
            at: [0.5, 0.5],
            text: text.to_owned(),
            side: Side::Left,
            role: Role::Ink,
        };
        Chart {
            id: "it",
            title: "A chart",
            note: String::new(),
            description: "A line.".to_owned(),
            x: axis("across"),
            y: axis("up"),
            marks: vec![line(false), line(true), area, bar, dot, text],
        }
    }

    #[test]
    fn colours_are_classes_and_text_is_escaped() {
        let svg = chart("<script>\"fill=\"#010204\"").figure().into_string();
        assert!(
            !svg.contains("=\"#") && !svg.contains("<script"),
            "no colour of its own: {svg}"
        );
        for class in [
            "stroke-accent",
            "fill-positive",
            "fill-negative",
            "fill-ink",
            "stroke-grid",
            "fill-muted",
        ] {
            assert!(svg.contains(&format!("class=\"{class}\"")), "{class}");
        }
        for tag in svg.split('<') {
            assert!(
                tag.matches("class=").count() <= 1,
                "one class attribute: {tag}"
            );
        }
        assert!(
            svg.contains("role=\"img\"") && svg.contains("<desc id=\"it-desc\">A line.</desc>")
        );
    }
}
