// Axes and drawings by themselves.
#include "tests/runtime/scratch.h"
#include "tools/nnc/results/chart.h"
#include "tools/nnc/results/figure.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace command;

TEST_CASE("numbers of an axis are steps of 1, 2 or 5, at least two and no more than asked for") {
  CHECK(ticks(0, 10, 5) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(ticks(-1, 1, 4) == std::vector<double>{-1, -0.5, 0, 0.5, 1});
  for (double const size : {1e-9, 3e-4, 0.7, 1.0, 12.0, 999.0, 4e7, 1e15})
    for (double const from : {0.0, -0.3 * size, 0.9 * size})
      for (int most = 2; most < 12; ++most) {
        auto const all = ticks(from, from + size, most);
        CHECK(all.size() >= 2);
        CHECK(all.size() <= static_cast<std::size_t>(most) + 1);
        double const step = all[1] - all[0], mantissa = step / std::pow(10, std::floor(std::log10(step) + 1e-9));
        bool const nice =
            std::abs(mantissa - 1) < 1e-6 || std::abs(mantissa - 2) < 1e-6 || std::abs(mantissa - 5) < 1e-6;
        CHECK_MESSAGE(nice, step);
      }
}

TEST_CASE("numbers of an axis have the decimals that tell them apart") {
  CHECK(tick_text(0.30000000000000004, 0.1) == "0.3");
  CHECK(tick_text(2, 0.5) == "2.0");
  CHECK(tick_text(1e-18, 0.1) == "0");
  CHECK(tick_text(1500, 500) == "1500");
  CHECK(tick_text(12000, 2000) == "12,000");
  CHECK(tick_text(-12000, 2000) == "-12,000");
  CHECK(tick_text(2e-7, 1e-7) == "2e-07");
  CHECK(tick_text(30000000, 1e7) == "3e+07");
}

TEST_CASE("pixels: a line covers what it should, a rectangle its part of a pixel, dashes leave gaps") {
  Scene scene{.width = 40, .height = 20};
  scene.add(Scene::Line{{{5, 10}, {35, 10}}, black, 2});
  scene.add(Scene::Rect{0, 0, 2.5, 1, black});
  auto const picture = pixels(scene, 1);
  REQUIRE(picture.width == 40);
  REQUIRE(picture.height == 20);
  CHECK(picture.at(20, 9).red == 0);
  CHECK(picture.at(20, 10).red == 0);
  CHECK(picture.at(20, 7).red == 255);
  CHECK(picture.at(20, 12).red == 255);
  CHECK(picture.at(2, 10).red == 255);
  CHECK(picture.at(37, 10).red == 255);
  CHECK(picture.at(1, 0).green == 0);
  CHECK(picture.at(2, 0).green == 128);
  CHECK(picture.at(3, 0).green == 255);

  Scene dashed{.width = 100, .height = 10};
  dashed.add(Scene::Line{{{0, 5}, {50, 5}, {100, 5}}, black, 1, true});
  auto const row = pixels(dashed, 2);
  int changes = 0;
  for (int x = 1; x < row.width; ++x) changes += (row.at(x, 10).red < 128) != (row.at(x - 1, 10).red < 128);
  CHECK(changes >= 18);
  CHECK(changes <= 24);
}

TEST_CASE("a line across everything and far outside is cut off at the edges") {
  Scene scene{.width = 10, .height = 10};
  scene.add(Scene::Line{{{-1000, -1000}, {1000, 1000}}, black, 2});
  scene.add(Scene::Line{{{-50, 5}, {-20, 5}}, black, 2});
  auto const picture = pixels(scene, 1);
  for (int i = 0; i < 10; ++i) CHECK(picture.at(i, i).red < 20);
  CHECK(picture.at(9, 0).red == 255);
}

TEST_CASE("a figure of nothing, of one number and of what is not finite has a size and axes") {
  CHECK(figure_of({{}}, "empty").height > 10);
  Course course;
  for (double const value : {std::nan(""), HUGE_VAL, 0.0, -3.0}) {
    course.epochs.push_back({.step = 1, .epoch = 1, .values = {{"loss", value}}, .rates = {{"lr", value}}});
    auto const figure = figure_of({course}, "");
    CHECK(figure.items.size() > 10);
    auto const picture = pixels(figure, 1);
    CHECK(picture.width == 940);
    CHECK(svg(figure).find("nan") == std::string::npos);
  }
}

TEST_CASE("large and empty tables are drawn or left out") {
  Course course;
  nnc::Table large{"confusion", {}, {60, 60}, std::vector<double>(3600, 1.0)};
  nnc::Table cube{"cube", {}, {2, 2, 2}, std::vector<double>(8)};
  nnc::Table none{"none", {}, {0, 5}, {}};
  nnc::Table names{"f1", {"a cat", "a dog"}, {2}, {0.5, NAN}};
  course.test = Moment{.tables = {large, cube, none, names}};
  auto const heats = heats_of({course});
  REQUIRE(heats.size() == 2);
  CHECK(heats[0].by_row);
  CHECK(heats[1].rows == std::vector<std::string>{"a cat", "a dog"});
  auto const text = svg(figure_of({course}, "t"));
  CHECK(text.find("<image") != std::string::npos);
  CHECK(text.find(">a cat<") != std::string::npos);
}

TEST_CASE("texts of a drawing are XML, whatever is in them") {
  CHECK(escaped_for_xml("a<b>&\"c\"\n\td") == "a&lt;b&gt;&amp;&quot;c&quot;\n\td");
  CHECK(escaped_for_xml("\xc3\xa9") == "\xc3\xa9");
  CHECK(escaped_for_xml("\xff\x1b") == "\\xff\\x1b");
}

// Bytes that are changed, left out and put in, in a log with all that a log has.
TEST_CASE("mutants of a log are drawn or refused") {
  std::string const log =
      "{\"step\":10,\"epoch\":1,\"loss\":1.5,\"accuracy\":0.25,\"validation_loss\":1.25,\"confusion\":[[1,2],[3,4]],"
      "\"adam.lr\":0.001,\"seconds\":0.5,\"examples_per_second\":100.0}\n"
      "{\"step\":20,\"epoch\":2,\"loss\":null,\"accuracy\":0.5,\"validation_loss\":1.0,\"confusion\":[[2,1],[0,7]],"
      "\"adam.lr\":1e-05,\"seconds\":0.9,\"examples_per_second\":100.0}\n"
      "{\"step\":20,\"epoch\":2,\"test_loss\":1.25,\"test_confusion\":[[2,1],[1,6]],\"test_f1\":[0.5,0.25]}\n";
  nnc::test::Scratch scratch;
  std::mt19937 random(1);
  auto const any = [&](std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random); };
  std::string const letters = "0123456789-+.eE[]{},:\"\n ntest_";
  int drawn = 0, refused = 0;
  for (int mutant = 0; mutant < 2000; ++mutant) {
    auto text = log;
    for (std::size_t changes = 1 + any(3); changes > 0 && !text.empty(); --changes) {
      auto const at = any(text.size());
      char const letter = any(8) == 0 ? static_cast<char>(any(256)) : letters[any(letters.size())];
      if (auto const kind = any(3); kind == 0) text[at] = letter;
      else if (kind == 1) text.insert(at, 1 + any(3), letter);
      else text.erase(at, 1 + any(mutant % 50 == 0 ? text.size() : 4));
    }
    auto const file = scratch.write("log.jsonl", text);
    try {
      auto const figure = figure_of(courses_of_log(file, "log"), "");
      CHECK(svg(figure).ends_with("</svg>\n"));
      if (mutant % 20 == 0) CHECK(pixels(figure, 0.25).width > 0);
      ++drawn;
    } catch (nnc::Failure const& failure) {
      CHECK(std::string(failure.what()).starts_with("error: "));
      ++refused;
    }
  }
  CHECK(drawn > 300);
  CHECK(refused > 300);
}
