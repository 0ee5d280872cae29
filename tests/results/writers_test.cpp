// The table of files that outputs are written to, and what is no matter of a program. (writers_test.py reads the
// files.)
#include "tests/runtime/desk.h"
#include "tools/nnc/results/csv.h"
#include "tools/nnc/results/elements.h"
#include "tools/nnc/results/font.h"
#include "tools/nnc/results/picture.h"
#include "tools/nnc/results/writers.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

using namespace command;
using nnc::test::contains;
using nnc::test::Desk;

namespace {

template <class T>
nnc::Array array_of(std::string dtype, std::vector<T> const& values) {
  auto const* bytes = reinterpret_cast<std::byte const*>(values.data());
  return {"y",
          std::move(dtype),
          {static_cast<std::int64_t>(values.size())},
          std::vector<std::byte>(bytes, bytes + values.size() * sizeof(T))};
}

} // namespace

TEST_CASE("endings are those of the last part of a path, in small letters") {
  CHECK(ending_of("a.b/c") == "");
  CHECK(ending_of(".csv") == "");
  CHECK(ending_of("x/.npy.CSV") == ".csv");
  CHECK(std::string(writer_of("x.Csv")->ending) == ".csv");
  CHECK(writer_of("") == writer_of("x.jsonl"));
  CHECK(writer_of("x.txt") == nullptr);
}

TEST_CASE("the help of --run and the refusal name every ending of the table once") {
  std::set<std::string> all;
  auto const help = Desk().nnc("--help").out;
  auto const about_run = help.substr(help.find("\n  --run"), help.find("\n  --emit") - help.find("\n  --run"));
  for (auto const& writer : writers()) {
    CHECK(all.insert(writer.ending).second);
    CHECK(contains(endings_that_are_written(), std::string("*") + writer.ending));
    if (writer.write != json_lines) CHECK_MESSAGE(contains(about_run, writer.ending), std::string(writer.ending));
  }
  CHECK(all.size() > 5);
}

TEST_CASE("fields of a table are quoted where they must be") {
  CHECK(csv_line({"a", "b c", ""}) == "a,b c,\n");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"a\"") == "\"say \"\"a\"\"\"");
  CHECK(csv_field("two\nlines") == "\"two\nlines\"");
  CHECK(csv_field("r\r") == "\"r\r\"");
}

TEST_CASE("numbers of 16 bits have their values, subnormal ones and the largest too") {
  auto const half =
      array_of<std::uint16_t>("f16", {0x0001, 0x03ff, 0x0400, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0xfc00, 0x7e00});
  auto const values = numbers(half);
  CHECK(values[0] == std::ldexp(1, -24));
  CHECK(values[1] == std::ldexp(1023, -24));
  CHECK(values[2] == std::ldexp(1, -14));
  CHECK(values[3] == 1);
  CHECK(values[4] == -2);
  CHECK(values[5] == 65504);
  CHECK(values[6] == INFINITY);
  CHECK(values[7] == -INFINITY);
  CHECK(std::isnan(values[8]));
  CHECK(texts(array_of<std::uint16_t>("bf16", {0x3f80, 0xc049, 0xff80}), 0, 3) ==
        std::vector<std::string>{"1", "-3.140625", "-inf"});
}

TEST_CASE("numbers are written with the digits that they need and no more") {
  CHECK(texts(array_of<float>("f32", {0.1F, 1e-30F, 16777216}), 0, 3) ==
        std::vector<std::string>{"0.1", "1e-30", "16777216"});
  CHECK(texts(array_of<double>("f64", {0.1, 1.0 / 3}), 1, 1) == std::vector<std::string>{"0.3333333333333333"});
  CHECK(texts(array_of<std::int64_t>("i64", {INT64_MIN, INT64_MAX}), 0, 2) ==
        std::vector<std::string>{"-9223372036854775808", "9223372036854775807"});
}

TEST_CASE("the font has every letter of ASCII, within its box") {
  auto const box = strokes_of("\xc3\xa9", 20); // one character of two bytes
  REQUIRE(box.size() == 1);
  CHECK(width_of("\xc3\xa9", 20) == width_of("A", 20) - 2);
  for (char letter = '!'; letter <= '~'; ++letter) {
    auto const strokes = strokes_of(std::string(1, letter), 20);
    REQUIRE_MESSAGE(!strokes.empty(), letter);
    double const width = width_of(std::string(1, letter), 20);
    bool is_box = strokes.size() == 1 && strokes[0].size() == box[0].size();
    for (std::size_t i = 0; is_box && i < box[0].size(); ++i)
      is_box = strokes[0][i].x == box[0][i].x && strokes[0][i].y == box[0][i].y;
    CHECK_MESSAGE(!is_box, letter);
    for (auto const& stroke : strokes)
      for (auto const& point : stroke)
        CHECK_MESSAGE((point.x >= -1 && point.x <= width && point.y >= -5 && point.y <= 16), letter);
  }
}

TEST_CASE("base64 pads to groups of four") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("\xff\xfe\xfd!") == "//79IQ==");
}
