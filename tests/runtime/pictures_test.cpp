// Pictures: every form of PNG, JPEG, their sizes, folders of them, and everything that can be wrong with them.
#include "runtime/data/dataset.h"
#include "runtime/data/jpeg.h"
#include "runtime/data/picture.h"
#include "runtime/data/png.h"
#include "tests/runtime/media_files.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>
#include <turbojpeg.h>

#include <cmath>
#include <cstdlib>

using namespace nnc;
using namespace nnc::test;
using namespace std::string_literals;

namespace {

struct Isolated {
  Scratch scratch;
  Environment cache{"XDG_CACHE_HOME", (scratch / "cache").string()};
  Environment data{"NNC_DATA", std::nullopt};
};

Picture decode(std::string const& file) { return decode_picture(bytes_of_text(file), "a"); }
std::string error(std::string const& file) {
  auto const whole = error_of([&] { decode(file); });
  // The header alone is an error only where all of it is.
  auto const header = error_of([&] { picture_header(bytes_of_text(file), "a"); });
  CHECK((header == whole || header == "no error"));
  return whole;
}

u32 any_value(int y, int x, int c, u32 largest) { return static_cast<u32>(y * 37 + x * 11 + c * 71) % (largest + 1); }

std::string palette() {
  std::string colors;
  for (int i = 0; i < 256; ++i) colors += {static_cast<char>(i * 3), static_cast<char>(255 - i), static_cast<char>(i ^ 85)};
  return colors;
}

u8 on_white(u32 value, u32 alpha) { return static_cast<u8>((value * alpha + 255 * (255 - alpha) + 127) / 255); }

std::string gray_png(int height, int width, int seed = 0) {
  return png_file({width, height}, [=](int y, int x, int) { return any_value(y + seed, x, 0, 255); });
}
std::string rgb_png(int height, int width) {
  return png_file({width, height, 8, 2}, [](int y, int x, int c) { return any_value(y, x, c, 255); });
}

std::string load_error(Scratch const& scratch, std::string const& words) {
  return error_in(scratch, [&] { load_dataset(words); });
}

} // namespace

TEST_CASE("a PNG of every depth and kind of colour, interlaced or not, has the pixels that it was made from") {
  for (int const color : {0, 2, 3, 4, 6})
    for (int const depth : {1, 2, 4, 8, 16})
      for (bool const interlaced : {false, true})
        for (int const width : {1, 3, 13}) {
          if ((depth < 8 && color != 0 && color != 3) || (depth == 16 && color == 3)) continue;
          PngForm const form{width, 7, depth, color, interlaced};
          CAPTURE(color);
          CAPTURE(depth);
          CAPTURE(interlaced);
          CAPTURE(width);
          u32 const largest = (u32{1} << depth) - 1;
          auto const value = [&](int y, int x, int c) { return any_value(y, x, c, largest); };
          auto const colors = palette().substr(0, static_cast<size_t>(largest + 1) * 3);
          auto const file = png_file(form, value, color == 3 ? png_chunk("PLTE", colors) : "");
          auto const picture = decode(file);
          i64 const channels = color == 0 || color == 4 ? 1 : 3;
          REQUIRE(picture == PictureHeader{7, width, channels});
          REQUIRE(picture_header(bytes_of_text(file), "a") == picture);
          REQUIRE(std::ssize(picture.pixels) == 7 * width * channels);
          auto const byte = [&](int y, int x, int c) { return static_cast<u32>(std::lround(value(y, x, c) * 255.0 / largest)); };
          bool same = true;
          for (int y = 0; y < 7; ++y)
            for (int x = 0; x < width; ++x)
              for (int c = 0; c < channels; ++c) {
                u32 expected = 0;
                if (color == 3) expected = static_cast<u8>(colors[value(y, x, 0) * 3 + static_cast<u32>(c)]);
                else if (color >= 4) expected = on_white(byte(y, x, c), byte(y, x, static_cast<int>(channels)));
                else expected = byte(y, x, c);
                same = same && picture.pixels[static_cast<size_t>((y * width + x) * channels + c)] == expected;
              }
          CHECK(same);
        }
}

TEST_CASE("what a PNG says is transparent becomes white") {
  auto const counting = [](int, int x, int c) { return static_cast<u32>(x * 10 + c); };
  // A gray, a colour, and the alphas of a palette.
  auto const gray = decode(png_file({3, 1, 8, 0}, counting, png_chunk("tRNS", "\0\x0a"s)));
  CHECK(gray.pixels == std::vector<u8>{0, 255, 20});
  auto const rgb = decode(png_file({2, 1, 8, 2}, counting, png_chunk("tRNS", "\0\x0a\0\x0b\0\x0c"s)));
  CHECK(rgb.pixels == std::vector<u8>{0, 1, 2, 255, 255, 255});
  auto const chosen = [](int, int x, int) { return static_cast<u32>(x); };
  auto const colors = png_chunk("PLTE", "\1\2\3\4\5\6"s) + png_chunk("tRNS", "\x80"s);
  CHECK(decode(png_file({2, 1, 8, 3}, chosen, colors)).pixels == std::vector<u8>{on_white(1, 128), on_white(2, 128), on_white(3, 128), 4, 5, 6});
}

TEST_CASE("a PNG that is damaged is an error that names it, wherever it ends") {
  auto const good = rgb_png(5, 4);
  CHECK(error(good) == "no error");
  for (size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    auto const said = error(good.substr(0, size));
    CHECK((said.starts_with("a: the PNG is corrupt or truncated (") || said.starts_with("a: expected a PNG or JPEG file, found ")));
  }
  // A changed bit in any chunk is found by its checksum, and the marks of the format are what they are.
  for (size_t at = 0; at < good.size(); ++at) {
    CAPTURE(at);
    auto flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    CHECK(error(flipped) != "no error");
  }
  CHECK(error("") == "a: expected a PNG or JPEG file, found 0 bytes");
  CHECK(error("GIF89a") == "a: expected a PNG or JPEG file, found neither in its first bytes");
  CHECK(error(good.substr(0, 30)) == "a: the PNG is corrupt or truncated (it ends too early)");
}

TEST_CASE("extents are limited before memory is taken") {
  auto const header = [](u32 width, u32 height, int depth = 8) {
    auto file = png_file({1, 1, depth}, [](int, int, int) { return 0; });
    std::string content;
    for (u32 const extent : {width, height})
      for (int shift : {24, 16, 8, 0}) content += static_cast<char>(extent >> shift);
    content += {static_cast<char>(depth), 0, 0, 0, 0};
    return file.replace(8, 25, png_chunk("IHDR", content));
  };
  CHECK(error(header(70000, 1)) == "a: is 1x70000 pixels, expected at most 268435456 in all and 65535 on a side");
  CHECK(error(header(60000, 60000)) == "a: is 60000x60000 pixels, expected at most 268435456 in all and 65535 on a side");
  CHECK(error(header(10000, 10000)) == "a: the header promises 10000x10000 pixels, which 67 bytes cannot hold");
  CHECK(error(header(0, 5)) == "a: the PNG is corrupt or truncated (Invalid IHDR data)");
}

TEST_CASE("a JPEG is near what it was made from, in gray and in colours, however its colours are sampled") {
  int const width = 37, height = 21;
  for (int const channels : {1, 3})
    for (int const sampling : {TJSAMP_444, TJSAMP_422, TJSAMP_420})
      for (bool const progressive : {false, true}) {
        std::vector<u8> pixels;
        for (int y = 0; y < height; ++y)
          for (int x = 0; x < width; ++x)
            for (int c = 0; c < channels; ++c) pixels.push_back(static_cast<u8>(40 + 3 * x + 4 * y + 10 * c));
        auto const file = jpeg_file(width, height, channels, pixels, sampling, 95, progressive);
        auto const picture = decode(file);
        REQUIRE(picture == PictureHeader{height, width, channels});
        REQUIRE(picture_header(bytes_of_text(file), "a") == picture);
        int largest = 0;
        for (size_t i = 0; i < pixels.size(); ++i) largest = std::max(largest, std::abs(pixels[i] - picture.pixels[i]));
        CHECK(largest <= 6);
      }
}

TEST_CASE("a JPEG that is damaged, or of four colours, is an error that names it") {
  std::vector<u8> pixels;
  for (int i = 0; i < 24 * 24 * 3; ++i) pixels.push_back(static_cast<u8>(i * i / 7));
  auto const good = jpeg_file(24, 24, 3, pixels, TJSAMP_420, 80);
  CHECK(error(good) == "no error");
  for (size_t size = 2; size < good.size(); ++size) {
    CAPTURE(size);
    auto const said = error(good.substr(0, size));
    CHECK_MESSAGE(said.starts_with("a: the JPEG is corrupt or truncated ("), said);
  }
  CHECK(error(good.substr(0, good.size() - 2)) == "a: the JPEG is corrupt or truncated (Premature end of JPEG file)");
  CHECK(error(cmyk_jpeg_file(8, 8)) == "a: is a JPEG of four colours (CMYK), expected gray or RGB");
  // 40000x6000 in the header of a picture of 24x24.
  auto large = good;
  auto const frame = large.find("\xFF\xC0"s);
  REQUIRE(frame != std::string::npos);
  large.replace(frame + 5, 4, "\x17\x70\x9c\x40"s);
  CHECK(error(large).starts_with("a: the header promises 6000x40000 pixels, which "));
}

TEST_CASE("gray becomes RGB by repetition, RGB gray by its luma") {
  Picture picture{{1, 4, 3}, {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30}};
  to_channels(picture, 1);
  CHECK(picture.channels == 1);
  CHECK(picture.pixels == std::vector<u8>{76, 150, 29, 18}); // as Pillow's convert("L")
  to_channels(picture, 3);
  CHECK(picture.pixels == std::vector<u8>{76, 76, 76, 150, 150, 150, 29, 29, 29, 18, 18, 18});
}

TEST_CASE("a picture is resized by the documented means") {
  // [0 40 80 120] to two pixels: r = s = 2; the first has its centre at 1 and the weights 3/4, 3/4, 1/4 of three.
  Picture row{{1, 4, 1}, {0, 40, 80, 120}};
  auto half = row;
  resize(half, 1, 2);
  CHECK(half.pixels == std::vector<u8>{29, 91}); // (30 + 20) / 1.75 = 28.57
  auto twice = row;
  resize(twice, 1, 8);
  CHECK(twice.pixels == std::vector<u8>{0, 10, 30, 50, 70, 90, 110, 120});
  auto same = row;
  resize(same, 1, 4);
  CHECK(same.pixels == row.pixels);
  // A picture of one colour keeps it, whatever becomes of its size.
  for (auto const& [height, width] : {std::pair{1, 1}, {3, 50}, {17, 2}, {64, 64}}) {
    Picture flat{{9, 7, 3}, {}};
    for (int i = 0; i < 63; ++i) flat.pixels.insert(flat.pixels.end(), {200, 3, 255});
    resize(flat, height, width);
    REQUIRE(flat == PictureHeader{height, width, 3});
    for (size_t i = 0; i < flat.pixels.size(); i += 3)
      REQUIRE((flat.pixels[i] == 200 && flat.pixels[i + 1] == 3 && flat.pixels[i + 2] == 255));
  }
}

TEST_CASE("folders of pictures by class give pictures, labels and the names of the classes") {
  Isolated here;
  auto const& scratch = here.scratch;
  for (int const i : {0, 1, 2}) scratch.write("p/cat/" + std::to_string(i) + ".png", gray_png(4, 5, i));
  scratch.write("p/dog/deep/x.PNG", gray_png(4, 5, 7));
  scratch.write("p/dog/.hidden.png", "no picture");
  scratch.write("p/dog/notes.txt", "no picture");
  auto const set = load_dataset((scratch / "p").string());
  auto const* images = set.train.column("image");
  REQUIRE(images);
  CHECK(images->type_text() == "u8[4,4,5]");
  auto const expected = decode(gray_png(4, 5, 7));
  CHECK(std::ranges::equal(images->as<u8>().subspan(60), expected.pixels));
  auto const labels = set.train.column("label")->as<i32>();
  CHECK(std::vector(labels.begin(), labels.end()) == std::vector<i32>{0, 0, 0, 1});
  CHECK(set.class_names == std::vector<std::string>{"cat", "dog"});
  CHECK(set.properties.at("classes") == 2);
  CHECK(set.files.size() == 4);
  CHECK(set.encodings.at("image").options == std::map<std::string, std::string>{{"gray", "yes"}, {"size", "4x5"}});
}

TEST_CASE("options bring pictures to a size and to gray or RGB, and a training's hold for what comes later") {
  Isolated here;
  auto const& scratch = here.scratch;
  scratch.write("p/a.png", gray_png(4, 5));
  scratch.write("p/b.png", rgb_png(8, 8));
  auto const folder = (scratch / "p").string();
  auto const gray = load_dataset(folder + ",size=6x3,gray");
  CHECK(gray.train.column("image")->type_text() == "u8[2,6,3]");
  auto const rgb = load_dataset("x=" + folder + ",size=6,rgb");
  CHECK(rgb.train.column("x")->type_text() == "u8[2,6,6,3]");
  CHECK(rgb.notes.empty());
  CHECK_FALSE(rgb.train.column("label"));
  // One picture for a model that learned these.
  auto const one = load_dataset((scratch / "p/b.png").string(), {.folder = {}, .known = gray.encodings});
  CHECK(one.train.column("image")->type_text() == "u8[1,6,3]");
  CHECK(std::ranges::equal(one.train.column("image")->as<u8>(), gray.train.column("image")->as<u8>().subspan(18)));
  CHECK(one.notes.empty());
  auto const both = load_dataset(folder, {.folder = {}, .known = gray.encodings});
  CHECK(std::ranges::equal(both.train.column("image")->as<u8>(), gray.train.column("image")->as<u8>()));
  REQUIRE(both.notes.size() == 1);
  CHECK(both.notes[0] == "2 of 2 pictures are brought to 6x3, the size of the training's");
  auto const as_is = load_dataset((scratch / "p/b.png").string());
  CHECK(as_is.train.column("image")->type_text() == "u8[1,8,8,3]");
}

TEST_CASE("large sets of pictures are decoded once and then come from the cache") {
  Isolated here;
  auto const& scratch = here.scratch;
  for (int const i : {0, 1, 2, 3, 4, 5}) scratch.write("p/" + std::to_string(i) + ".png", gray_png(50, 60, i));
  auto const words = (scratch / "p").string() + ",size=1800x1700";
  auto const first = load_dataset(words);
  auto const cached = scratch / "cache/nnc/decoded";
  REQUIRE(std::filesystem::exists(cached));
  size_t files = 0;
  for (auto const& entry : std::filesystem::directory_iterator(cached)) files += entry.path().extension() == ".safetensors";
  CHECK(files == 1);
  auto const again = load_dataset(words);
  CHECK(std::ranges::equal(first.train.column("image")->bytes(), again.train.column("image")->bytes()));
  // Another file in its place is another set.
  scratch.write("p/5.png", gray_png(50, 61));
  auto const other = load_dataset(words);
  CHECK_FALSE(std::ranges::equal(first.train.column("image")->bytes(), other.train.column("image")->bytes()));
}

TEST_CASE("what is wrong with a folder of pictures is said with the files") {
  Isolated here;
  auto const& scratch = here.scratch;
  auto const folder = [&](std::string const& name) { return (scratch / name).string(); };
  scratch.write("sizes/a.png", gray_png(4, 5));
  scratch.write("sizes/b.png", gray_png(4, 6));
  CHECK(load_error(scratch, folder("sizes")) ==
        "sizes/b.png is 4x6, and sizes/a.png is 4x5: the pictures of a data set must have one size");
  scratch.write("colors/a.png", gray_png(4, 5));
  scratch.write("colors/b.png", rgb_png(4, 5));
  CHECK(load_error(scratch, folder("colors")) == "colors/b.png is RGB, and colors/a.png is gray");
  scratch.write("broken/x/a.png", gray_png(4, 5));
  scratch.write("broken/x/b.png", gray_png(4, 5).substr(0, 50));
  CHECK(load_error(scratch, folder("broken")).starts_with("broken/x/b.png: the PNG is corrupt or truncated ("));
  scratch.write("empty/x/a.png", gray_png(4, 5));
  std::filesystem::create_directories(scratch / "empty/y");
  CHECK(load_error(scratch, folder("empty")) == "empty/y: the class 'y' is empty, expected files *.png, *.jpg, *.jpeg");
  scratch.write("mixed/a.png", gray_png(4, 5));
  scratch.write("mixed/x/b.png", gray_png(4, 5));
  CHECK(load_error(scratch, folder("mixed")) == "mixed/a.png lies beside the folder of mixed/x/b.png: expected a folder for each "
                                                "class and no file beside them, or files alone");
  CHECK(load_error(scratch, folder("sizes") + ",size=0") == "size=0: expected HEIGHTxWIDTH, each from 1 to 65535");
  CHECK(load_error(scratch, folder("sizes") + ",size=4,gray,rgb") == "gray and rgb: expected one of the two");
  CHECK(load_error(scratch, folder("sizes") + ",rate=8") .starts_with("sizes/b.png is 4x6"));
  CHECK(load_error(scratch, folder("sizes") + ",size=4,rate=8").starts_with("the option 'rate' says nothing to the readers of "));
  CHECK(load_error(scratch, folder("sizes") + ":pixels") == "sizes has no column 'pixels'");
  // A class that a training did not have.
  Encodings const known{{"label", {.kind = Encoding::Kind::categories, .names = {"y", "z"}}}};
  CHECK(error_in(scratch, [&] { load_dataset(folder("broken"), {.folder = {}, .known = known}); }) ==
        "broken/x: unknown category 'x' of 'the classes', expected one of 'y', 'z'");
}
