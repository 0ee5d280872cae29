// Which examples are the test split, what the words of a data set may say, and folders of files.
#include "runtime/data/dataset.h"
#include "runtime/data/spec.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace nnc;
using namespace nnc::test;

namespace {

struct Desk {
  Scratch scratch;
  Environment cache{"XDG_CACHE_HOME", (scratch / "cache").string()};
  std::string table(std::string const& name, int first, int last) const {
    std::string text = "x,y\n";
    for (int i = first; i < last; ++i) text += std::to_string(i) + "," + (i % 2 ? "odd\n" : "even\n");
    return scratch.write(name, text).string();
  }
};

std::vector<i32> xs(Split const& split) {
  auto const values = split.column("x")->as<i32>();
  return {values.begin(), values.end()};
}

std::set<i32> both(Dataset const& set) {
  auto const train = xs(set.train), test = xs(set.test);
  std::set<i32> all(train.begin(), train.end());
  all.insert(test.begin(), test.end());
  return all;
}

} // namespace

TEST_CASE("a share of the examples is drawn by a seed") {
  Desk const desk;
  auto const path = desk.table("a.csv", 0, 100);
  auto const set = load_dataset(path + ",test=0.2");
  CHECK(set.train.examples == 80);
  CHECK(set.test.examples == 20);
  CHECK(both(set).size() == 100);
  CHECK(std::ranges::is_sorted(xs(set.train))); // in the order of the file
  CHECK(xs(load_dataset(path + ",test=0.2").test) == xs(set.test));
  CHECK(xs(load_dataset(path + ",test=0.2,split_seed=1").test) != xs(set.test));
  CHECK(error_of([&] { load_dataset(path + ",test=0.001"); }) ==
        "test=0.001: of 100 examples none is left for the test split");
  CHECK(error_of([&] { load_dataset(path + ",test=1"); }) == "test=1: of 100 examples none is left to train on");
  CHECK(error_of([&] { load_dataset(path + ",test=1.5"); }) == "test=1.5: expected a number from 0 to 1");
  CHECK(error_of([&] { load_dataset(path + ",test=0.2,fold=1/2"); }).ends_with("has a test split of its own"));
}

TEST_CASE("folds have every example in one test split") {
  Desk const desk;
  auto const path = desk.table("a.csv", 0, 25);
  std::multiset<i32> tested;
  for (int k = 1; k <= 10; ++k) {
    auto const set = load_dataset(path + ",fold=" + std::to_string(k) + "/10");
    CHECK(both(set).size() == 25);
    CHECK(set.test.examples >= 2);
    CHECK(set.test.examples <= 3);
    for (auto const x : xs(set.test)) tested.insert(x);
  }
  CHECK(tested.size() == 25);
  CHECK(std::set<i32>(tested.begin(), tested.end()).size() == 25);
  for (auto const* bad : {"0/10", "11/10", "1/1", "1", "a/b", "1/2/3", ""})
    CHECK(error_of([&] { load_dataset(path + ",fold=" + bad); }).find("expected K/N") != std::string::npos);
  CHECK(error_of([&] { load_dataset(path + ",fold=1/26"); }) == "fold=1/26: there are only 25 examples");
}

TEST_CASE("a column, a file or folders say the split") {
  Desk const desk;
  auto const column = desk.scratch.write("s.csv", "x,part\n1,train\n2,test\n3,train\n").string();
  auto const by_column = load_dataset(column + ",split=part");
  CHECK(xs(by_column.train) == std::vector<i32>{1, 3});
  CHECK(xs(by_column.test) == std::vector<i32>{2});
  CHECK(by_column.train.columns.size() == 1);
  CHECK(error_of([&] { load_dataset(column + ",split=prt"); }).ends_with("has no such column"));
  auto const dev = desk.scratch.write("d.csv", "x,part\n1,train\n2,dev\n").string();
  CHECK(error_of([&] { load_dataset(dev + ",split=part"); }) ==
        "split=part: example 1 has 'dev' there, expected train or test");

  auto const train = desk.table("t/train.csv", 0, 8), test = desk.table("t/test.csv", 8, 10);
  for (auto const& words : {train + ",test=" + test, (desk.scratch / "t").string()}) {
    auto const set = load_dataset(words);
    CHECK(xs(set.train).size() == 8);
    CHECK(xs(set.test) == std::vector<i32>{8, 9});
    CHECK(set.encodings.at("y").names == std::vector<std::string>{"even", "odd"});
    CHECK(set.files.size() == 2);
  }
  desk.scratch.write("u/train.csv", "x,y\n1,a\n2,b\n");
  desk.scratch.write("u/test.csv", "x,y\n1,c\n");
  CHECK(error_in(desk.scratch, [&] { load_dataset((desk.scratch / "u").string()); }) ==
        "u/test.csv:2: unknown category 'c' of 'y', expected one of 'a', 'b'");
  CHECK(load_dataset(train + ",limit=3").train.examples == 3);
}

TEST_CASE("words that are no data set say what was expected") {
  auto const says = [](std::string const& words) { return error_of([&] { parse_data_spec(words); }); };
  CHECK(says("a.csv,,b.csv") == "'a.csv,,b.csv': expected a file or an option between the commas");
  CHECK(says("=a.csv") == "expected COLUMN=FILE, found '=a.csv'");
  CHECK(says("x=") == "expected COLUMN=FILE, found 'x='");
  CHECK(says("test=0.2") == "'test=0.2' names no file");
  CHECK(says("a.csv,test=0.1,test=0.2") == "the option 'test' is given twice in 'a.csv,test=0.1,test=0.2'");
  CHECK(says("a.csv:x+") == "'a.csv:x+': expected a column behind '+'");
  CHECK(says("\"a.csv") == "'\"a.csv': a double quote without its other one");
  auto const spec = parse_data_spec("x=\"a,b:c.csv\",y=d.csv:\"e+f\"+g,text:\"one, two\",gold=h.npy");
  REQUIRE(spec.items.size() == 4);
  CHECK(spec.items[0].path == "a,b:c.csv");
  CHECK(spec.items[1].parts == std::vector<std::string>{"e+f", "g"});
  CHECK(spec.items[2].is_text);
  CHECK(spec.items[2].path == "one, two");
  CHECK(spec.items[3].column == "gold");
  CHECK(parse_data_spec("text:In the beginning, God").items[0].path == "In the beginning, God");
}

TEST_CASE("an option that no reader asks for is an error") {
  Desk const desk;
  auto const path = desk.table("a.csv", 0, 4);
  auto const npy = desk.scratch.write("a.npy", std::string("\x93NUMPY\1\0F\0{'descr': '<i4', 'fortran_order': False, "
                                                           "'shape': (2,), }               \n",
                                                           80) +
                                                   std::string(8, '\0'))
                       .string();
  CHECK(error_in(desk.scratch, [&] { load_dataset(npy + ",header=no"); }) ==
        "the option 'header' says nothing to the readers of a.npy,header=no");
  CHECK(load_dataset(npy).train.columns[0].tensor.type_text() == "i32[2]");
  try {
    load_dataset(path + ",heder=no");
    FAIL("heder was taken");
  } catch (Error const& error) {
    CHECK(error.what() == std::string("no: no such file or folder"));
    CHECK(error.diagnostics[0].help == "did you mean the option 'header'?");
  }
  CHECK(error_of([&] { load_dataset(path + ",header=maybe"); }) == "header=maybe: expected one of yes, no");
}
