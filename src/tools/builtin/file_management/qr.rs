//! QR codes as images.

use qrcode::render::svg;
use qrcode::types::Color;
use qrcode::{EcLevel, QrCode};
use serde::Deserialize;

use crate::tools::Failure;

/// The white margin that readers need, in modules (ISO/IEC 18004).
const MARGIN: usize = 4;

/// What an image is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Image {
    /// Pixels.
    #[default]
    Png,
    /// Shapes.
    Svg,
}

impl Image {
    /// The extension of its files.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
        }
    }
}

/// A QR code of a text, each module `size` pixels wide.
///
/// # Errors
/// `invalid_content` where no QR code can hold the text.
pub(super) fn draw(text: &str, size: u32, image: Image) -> Result<Vec<u8>, Failure> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| {
        Failure::lasting("invalid_content", "The text is too long for a QR code (2,331 bytes)")
    })?;
    match image {
        Image::Svg => {
            let mut renderer = code.render::<svg::Color<'_>>();
            Ok(renderer.module_dimensions(size, size).build().into_bytes())
        }
        Image::Png => png(&code, size as usize).map_err(|error| {
            tracing::error!(%error, "a QR code could not be written as PNG");
            Failure::lasting("invalid_content", "The image could not be written")
        }),
    }
}

fn png(code: &QrCode, size: usize) -> Result<Vec<u8>, png::EncodingError> {
    let width = (code.width() + 2 * MARGIN) * size;
    let colors = code.to_colors();
    let white = vec![0xff; width.div_ceil(8)];
    let mut pixels = white.repeat(MARGIN * size);
    for modules in colors.chunks(code.width()) {
        let mut row = white.clone();
        for (column, _) in modules.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
            let left = (MARGIN + column) * size;
            for x in left..left + size {
                if let Some(byte) = row.get_mut(x / 8) {
                    *byte &= !(0x80 >> (x % 8));
                }
            }
        }
        pixels.extend(row.repeat(size));
    }
    pixels.extend(white.repeat(MARGIN * size));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, width as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    fn read_back(png: &[u8]) -> String {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let (width, height) = (info.width as usize, info.height as usize);
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
            pixels[y * info.line_size + x]
        });
        image.detect_grids()[0].decode().unwrap().1
    }

    #[test]
    fn a_reader_reads_what_was_written() {
        for (text, size) in [("https://example.org/?q=1", 3), ("Ngũgĩ, 100 €", 10)] {
            assert_eq!(read_back(&draw(text, size, Image::Png).unwrap()), text);
        }
        let svg = String::from_utf8(draw("x", 10, Image::Svg).unwrap()).unwrap();
        assert!(svg.contains("<svg") && svg.contains("width=\"290\""), "{svg}");
    }

    #[test]
    fn refuses_what_no_code_can_hold() {
        assert!(draw(&"x".repeat(2_331), 1, Image::Png).is_ok());
        let refused = draw(&"x".repeat(2_332), 1, Image::Png);
        assert_eq!(refused.map_err(|failure| failure.code), Err("invalid_content"));
    }
}
