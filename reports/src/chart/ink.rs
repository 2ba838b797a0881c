//! Colours that follow the reader's light or dark.
//!
//! The plotting library writes fixed colours. Here every colour is a stand-in for a role, which
//! [`themed`] turns into a class; the style sheet of the page gives the class its colour.

use plotters::style::RGBColor;

/// What something in a chart is, and so how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Labels of the axes.
    Text,
    /// The axes themselves.
    Axis,
    /// Lines at labelled ticks.
    Grid,
    /// Lines between them.
    FaintGrid,
    /// Calls that happened.
    Ok,
    /// The area under their rate.
    OkArea,
    /// Calls that did not happen.
    Fail,
    /// Calls of which nobody knows.
    Info,
    /// A proved fault, behind the points.
    Fault,
    /// The same above the plot, where its label is.
    FaultTag,
    /// A fault without proof, behind the points.
    Doubt,
    /// The same above the plot.
    DoubtTag,
    /// The label of a fault.
    FaultText,
}

impl Ink {
    const ALL: [Self; 13] = [
        Self::Text,
        Self::Axis,
        Self::Grid,
        Self::FaintGrid,
        Self::Ok,
        Self::OkArea,
        Self::Fail,
        Self::Info,
        Self::Fault,
        Self::FaultTag,
        Self::Doubt,
        Self::DoubtTag,
        Self::FaultText,
    ];

    /// The stand-in. No two inks share one.
    pub(crate) const fn colour(self) -> RGBColor {
        RGBColor(1, 2, self as u8)
    }

    /// The class after which the style sheet colours it.
    const fn class(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Axis => "axis",
            Self::Grid => "grid",
            Self::FaintGrid => "faint",
            Self::Ok => "ok",
            Self::OkArea => "area",
            Self::Fail => "fail",
            Self::Info => "info",
            Self::Fault => "fault",
            Self::FaultTag => "fault-tag",
            Self::Doubt => "doubt",
            Self::DoubtTag => "doubt-tag",
            Self::FaultText => "fault-text",
        }
    }
}

/// Replaces the stand-ins by classes (`f-ok` where the ink fills, `s-ok` where it draws a line),
/// drops attributes that say nothing, and lets the drawing scale to the width it is given.
///
/// Quotes inside texts are escaped in SVG, so that an attribute cannot be mistaken for a text.
pub(crate) fn themed(svg: &str, width: u32, height: u32, label: &str) -> String {
    let body = svg.split_once('>').map_or("", |(_opening, body)| body);
    let mut body = body.replace(" opacity=\"1\"", "").replace(" stroke=\"none\"", "");
    for ink in Ink::ALL {
        let RGBColor(red, green, blue) = ink.colour();
        let colour = format!("#{red:02X}{green:02X}{blue:02X}");
        let class = ink.class();
        body = body.replace(&format!("fill=\"{colour}\""), &format!("class=\"f-{class}\""));
        body = body.replace(&format!("stroke=\"{colour}\""), &format!("class=\"s-{class}\""));
    }
    for idle in [" stroke-width=\"1\"", " font-family=\"sans-serif\""] {
        body = body.replace(idle, "");
    }
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_become_classes_and_texts_stay() {
        let svg = concat!(
            "<svg width=\"9\" height=\"9\">\n",
            "<circle r=\"2\" opacity=\"1\" fill=\"#010204\" stroke=\"none\" stroke-width=\"1\"/>\n",
            "<text fill=\"#010200\">fill=&quot;#010204&quot;</text>\n</svg>\n"
        );
        insta::assert_snapshot!(themed(svg, 9, 9, "nine"), @r#"
        <svg class="chart" viewBox="0 0 9 9" role="img" aria-label="nine">
        <circle r="2" class="f-ok"/>
        <text class="f-text">fill=&quot;#010204&quot;</text>
        </svg>
        "#);
    }

    #[test]
    fn no_two_inks_look_the_same_to_the_plotting_library() {
        for (number, ink) in Ink::ALL.iter().enumerate() {
            assert!(Ink::ALL[..number].iter().all(|other| other.colour() != ink.colour()));
        }
    }
}
