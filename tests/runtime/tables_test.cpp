// Tables (CSV and its relatives, JSON lines): every form of a cell, what is found out about columns, and every mistake.
#include "runtime/data/csv.h"
#include "runtime/data/dataset.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace nnc;
using namespace nnc::test;
using namespace std::string_literals;

namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows rows_of_text(std::string const& text, CsvDialect dialect = {}) {
  Rows all;
  std::string const name = "a.csv";
  CsvRows rows(bytes_of_text(text), dialect, name);
  while (rows.next()) all.emplace_back(rows.cells().begin(), rows.cells().end());
  return all;
}

struct Desk {
  Scratch scratch;
  Environment cache{"XDG_CACHE_HOME", (scratch / "cache").string()};

  Dataset load(std::string const& content, std::string const& options = "", std::string const& name = "a.csv",
               Encodings const& known = {}) const {
    auto const path = scratch.write(name, content).string();
    return load_dataset(path + options, {.known = known});
  }
  std::string refused(std::string const& content, std::string const& options = "",
                      std::string const& name = "a.csv") const {
    return error_in(scratch, [&] { load(content, options, name); });
  }
};

std::vector<f32> floats(Dataset const& set, std::string const& column) {
  auto const values = set.train.column(column)->as<f32>();
  return {values.begin(), values.end()};
}
std::vector<i32> ints(Split const& split, std::string const& column) {
  auto const values = split.column(column)->as<i32>();
  return {values.begin(), values.end()};
}
std::vector<std::string> names(Dataset const& set) {
  std::vector<std::string> all;
  for (auto const& column : set.train.columns) all.push_back(column.name + " " + column.tensor.type_text());
  return all;
}
using Names = std::vector<std::string>;

} // namespace

TEST_CASE("rows of RFC 4180, of every kind of end of line") {
  CHECK(rows_of_text("a,b\n1,2\n") == Rows{{"a", "b"}, {"1", "2"}});
  CHECK(rows_of_text("a,b\r\n1,2") == Rows{{"a", "b"}, {"1", "2"}});
  CHECK(rows_of_text("a,b\r1,2\r") == Rows{{"a", "b"}, {"1", "2"}});
  CHECK(rows_of_text("\n\na,b\n\n\n1,2\n\n") == Rows{{"a", "b"}, {"1", "2"}});
  CHECK(rows_of_text("") == Rows{});
  CHECK(rows_of_text("a,,\n,,b") == Rows{{"a", "", ""}, {"", "", "b"}});
  CHECK(rows_of_text("\xEF\xBB\xBF" "a,b") == Rows{{"a", "b"}});
  CHECK(rows_of_text("\"a,b\",\"c\"\"d\",\"e\nf\",\"\"\n") == Rows{{"a,b", "c\"d", "e\nf", ""}});
  CHECK(rows_of_text("a\"b,5\" disk\n") == Rows{{"a\"b", "5\" disk"}}); // a quote within a plain cell
  CHECK(rows_of_text("1 2   3\t4\n  5 6", {.separator = ' ', .joins_blanks = true}) == Rows{{"1", "2", "3", "4"}, {"5", "6"}});
  CHECK(rows_of_text("a;b,c\n", {.separator = ';'}) == Rows{{"a", "b,c"}});
}

TEST_CASE("quotes that do not end, and what stands behind one that does") {
  CHECK(error_of([] { rows_of_text("a,b\n1,\"2\n3,4\n"); }) == "a.csv:2: a cell begins with a double quote that does not end");
  CHECK(error_of([] { rows_of_text("\"a\nb\"c,d\n"); }) == "a.csv:2: 'c' behind a double quote that ends a cell, expected a separator");
}

TEST_CASE("the separator is found out") {
  auto const guessed = [](std::string const& text) { return guess_dialect(bytes_of_text(text)).separator; };
  CHECK(guessed("a,b;c,d\n") == ',');
  CHECK(guessed("a;b;c,d\n") == ';');
  CHECK(guessed("\n\na\tb\n1,2,3") == '\t');
  CHECK(guessed("\"a;b;c;d\",e\n") == ',');
  CHECK(guessed("a|b") == '|');
  CHECK(guess_dialect(bytes_of_text("1 2  3")).joins_blanks);
  CHECK(guessed("word") == ',');
}

TEST_CASE("columns of a table get the type of their cells") {
  Desk const desk;
  auto const set = desk.load("age,name,big,score,flag\n1,bob,3000000000,1.5,true\n-2,al,5,1e3,false\n+3,bob,6,.25,true\n");
  CHECK(names(set) == Names{"age i32[3]", "name i32[3]", "big i64[3]", "score f32[3]", "flag i32[3]"});
  CHECK(ints(set.train, "age") == std::vector<i32>{1, -2, 3});
  CHECK(set.train.column("big")->as<i64>()[0] == 3000000000);
  CHECK(floats(set, "score") == std::vector<f32>{1.5f, 1000, .25f});
  CHECK(set.encodings.at("name").names == Names{"al", "bob"});
  CHECK(ints(set.train, "name") == std::vector<i32>{1, 0, 1});
  CHECK(set.encodings.at("flag").names == Names{"false", "true"});
  CHECK(set.properties.at("name_classes") == 2);
  CHECK(!set.properties.contains("classes")); // two columns may be the target
}

TEST_CASE("categories are in the order of their names, or of the numbers that they are") {
  Desk const desk;
  auto const set = desk.load("x,kind\n1,10\n2,9\n3,1\n", ",categories=kind");
  CHECK(set.encodings.at("kind").names == Names{"1", "9", "10"});
  CHECK(ints(set.train, "kind") == std::vector<i32>{2, 1, 0});
  CHECK(set.properties.at("classes") == 3);
  CHECK(set.class_names == Names{"1", "9", "10"});
}

TEST_CASE("a header is found out, said, or denied") {
  Desk const desk;
  CHECK(names(desk.load("1,2\n3,4\n")) == Names{"column1 i32[2]", "column2 i32[2]"});
  CHECK(names(desk.load("a,b\n3,4\n")) == Names{"a i32[1]", "b i32[1]"});
  CHECK(names(desk.load("red,big\nred,small\n")) == Names{"red i32[1]", "big i32[1]"});
  CHECK(names(desk.load("red,red\nred,small\n")) == Names{"column1 i32[2]", "column2 i32[2]"}); // names that are not names
  CHECK(names(desk.load("red,big\nblue,small\n", ",header=no")) == Names{"column1 i32[2]", "column2 i32[2]"});
  CHECK(names(desk.load("1,2\n3,4\n", ",header")) == Names{"1 i32[1]", "2 i32[1]"});
  CHECK(names(desk.load(",b\n3,4\n", ",header=yes")) == Names{"column1 i32[1]", "b i32[1]"}); // as pandas writes an index
  CHECK(names(desk.load("150,4,x\n1,2\n3,4\n", ",skip=1,header=no")) == Names{"column1 i32[2]", "column2 i32[2]"});
}

TEST_CASE("what is taken from a table") {
  Desk const desk;
  std::string const table = "age,size,kind,id\n1,2.5,a,7\n3,4.5,b,8\n";
  CHECK(names(desk.load(table, ":kind")) == Names{"kind i32[2]"});
  CHECK(names(desk.load(table, ":size+age")) == Names{"size f32[2]", "age i32[2]"});
  CHECK(names(desk.load(table, ":2")) == Names{"size f32[2]"});
  CHECK(names(desk.load(table, ",target=kind,drop=id")) == Names{"features f32[2,2]", "kind i32[2]"});
  CHECK(names(desk.load(table, ",target=size,drop=id")) == Names{"features f32[2,1]", "kind i32[2]", "size f32[2]"});
  auto const path = (desk.scratch / "a.csv").string();
  auto const stacked = load_dataset("x=" + path + ":age+size,y=" + path + ":kind");
  CHECK(names(stacked) == Names{"x f32[2,2]", "y i32[2]"});
  CHECK(floats(stacked, "x") == std::vector<f32>{1, 2.5f, 3, 4.5f});
  CHECK(names(load_dataset("x=" + path + ":*,target=kind,drop=id")) == Names{"x f32[2,2]"});
  CHECK(names(load_dataset("x=" + path + ":age")) == Names{"x i32[2]"});
  CHECK(error_in(desk.scratch, [&] { load_dataset("x=" + path); }) ==
        "a.csv: the column 'kind' is text, and 'x' is made of numbers");
  CHECK(desk.refused(table, ":weight") == "a.csv has no column 'weight'");
  CHECK(desk.refused(table, ",target=knd") == "a.csv has no column 'knd'");
  CHECK(desk.refused("a,a\n1,2\n") == "a.csv: two columns are called 'a'");
}

TEST_CASE("spreadsheets: semicolons, decimal commas, a mark of UTF-8, CR LF") {
  Desk const desk;
  auto const set = desk.load("\xEF\xBB\xBFGröße;Art\r\n1,5;a\r\n2,25;b\r\n");
  CHECK(names(set) == Names{"Größe f32[2]", "Art i32[2]"});
  CHECK(floats(set, "Größe") == std::vector<f32>{1.5f, 2.25f});
  CHECK(names(desk.load("a;b\n1.5;2\n", ",decimal=point")) == Names{"a f32[1]", "b i32[1]"});
  CHECK(names(desk.load("1:2\n", ",separator=:")) == Names{"column1 i32[1]", "column2 i32[1]"});
  CHECK(names(desk.load("a\tb\n1,5\t2\n", ",decimal=comma", "a.tsv")) == Names{"a f32[1]", "b i32[1]"});
}

TEST_CASE("ragged rows and empty tables") {
  Desk const desk;
  CHECK(desk.refused("a,b\n1,2\n3\n") == "a.csv:3: expected 2 cells as in the first row, found 1");
  CHECK(desk.refused("a,b\n1,2\n3,4,5\n") == "a.csv:3: expected 2 cells as in the first row, found 3");
  CHECK(desk.refused("a\n1\n\"2\n\n3\"\n4,5\n") == "a.csv:6: expected 1 cell as in the first row, found 2");
  CHECK(desk.refused("") == "a.csv: is empty");
  CHECK(desk.refused("\n\n") == "a.csv: is empty");
  CHECK(desk.refused("a,b\n") == "a.csv: has no examples");
}

TEST_CASE("missing numbers are said, filled, and counted") {
  Desk const desk;
  std::string const table = "a,b\n1,x\n,y\nNA,x\n4,\n";
  CHECK(desk.refused(table) == "a.csv:3: no value for 'a' (2 in all)");
  auto const zero = desk.load(table, ",fill=0");
  CHECK(floats(zero, "a") == std::vector<f32>{1, 0, 0, 4});
  auto const mean = desk.load(table, ",fill=mean");
  CHECK(floats(mean, "a") == std::vector<f32>{1, 2.5f, 2.5f, 4});
  CHECK(mean.missing.at("a").counts == std::vector<f64>{2});
  CHECK(mean.encodings.at("a").options.at("fill") == "2.5");
  CHECK(mean.encodings.at("b").names == Names{"missing", "x", "y"}); // of categories it is one
  CHECK(mean.notes == Names{"2 missing numbers of 'a' are filled"});
  // What is read later is filled with what the training was.
  auto const later = desk.load("a,b\n,x\n7,y\n", ",fill=mean", "b.csv", mean.encodings);
  CHECK(floats(later, "a") == std::vector<f32>{2.5f, 7});
  // With the mean of the training split alone.
  auto const split = desk.load("a,s\n1,train\n3,train\n100,test\n,test\n", ",split=s,fill=mean");
  CHECK(split.test.column("a")->as<f32>()[1] == 2);
  CHECK(desk.refused("a,b\n1,2\n-,3\n", ",fill=0,missing=-") == "no error");
  CHECK(std::isnan(floats(desk.load(table, ",fill=nan"), "a")[1]));
}

TEST_CASE("categories of a training are those of what is read later") {
  Desk const desk;
  auto const before = desk.load("x,kind\n1,cat\n2,dog\n3,elk\n");
  auto const later = desk.load("x,kind\n1,elk\n2,cat\n", "", "b.csv", before.encodings);
  CHECK(ints(later.train, "kind") == std::vector<i32>{2, 0});
  CHECK(later.properties.at("classes") == 3);
  CHECK(error_in(desk.scratch, [&] { desk.load("x,kind\n1,cat\n2,cow\n", "", "c.csv", before.encodings); }) ==
        "c.csv:3: unknown category 'cow' of 'kind', expected one of 'cat', 'dog', 'elk'");
  auto const numbers = desk.load("x,y\n1,2\n");
  (void)numbers;
  CHECK(parse_encodings(encodings_text(before.encodings), "w") == before.encodings);
}

TEST_CASE("a table that is large is decoded once, and mapped") {
  Desk const desk;
  std::string table = "a,b,kind\n";
  for (int i = 0; i < 1'500'000; ++i) table += std::to_string(i % 1000) + ",0.5," + (i % 3 ? "x\n" : "y\n");
  auto const first = desk.load(table);
  auto const entries = [&] {
    size_t count = 0;
    for (auto const& entry : std::filesystem::directory_iterator(desk.scratch / "cache/nnc/decoded"))
      count += entry.path().extension() == ".safetensors";
    return count;
  };
  CHECK(entries() == 1);
  auto const again = load_dataset((desk.scratch / "a.csv").string());
  CHECK(entries() == 1);
  CHECK(names(again) == names(first));
  CHECK(again.encodings == first.encodings);
  for (auto const& column : first.train.columns)
    CHECK(std::ranges::equal(column.tensor.bytes(), again.train.column(column.name)->bytes()));
  // Another table of the same size and name is another one.
  desk.load(table + "1,0.5,z\n");
  CHECK(entries() == 2);
  // A damaged entry is made anew.
  for (auto const& entry : std::filesystem::directory_iterator(desk.scratch / "cache/nnc/decoded"))
    std::filesystem::resize_file(entry.path(), 1000);
  CHECK(names(load_dataset((desk.scratch / "a.csv").string())).size() == 3);
}

TEST_CASE("JSON lines: numbers, texts, bools, arrays of one shape") {
  Desk const desk;
  auto const set = desk.load("{\"x\": [[1, 2], [3, 4.5]], \"kind\": \"b\", \"n\": 3, \"f\": true}\n\n"
                             "{\"f\": false, \"n\": 4, \"x\": [[5, 6], [7, 8]], \"kind\": \"a\"}\n",
                             "", "a.jsonl");
  CHECK(names(set) == Names{"x f32[2,2,2]", "kind i32[2]", "n i32[2]", "f i32[2]"});
  CHECK(floats(set, "x") == std::vector<f32>{1, 2, 3, 4.5f, 5, 6, 7, 8});
  CHECK(ints(set.train, "kind") == std::vector<i32>{1, 0});
  CHECK(ints(set.train, "f") == std::vector<i32>{1, 0});
  auto const path = (desk.scratch / "a.jsonl").string();
  CHECK(names(load_dataset("image=" + path + ":x,label=" + path + ":kind")) == Names{"image f32[2,2,2]", "label i32[2]"});
  CHECK(names(load_dataset(path + ",target=kind,drop=f")) == Names{"x f32[2,2,2]", "features f32[2,1]", "kind i32[2]"});
  auto const refused = [&](std::string const& text) { return desk.refused(text, "", "b.jsonl"); };
  CHECK(refused("{\"a\": 1}\n{\"b\": 1}\n") == "b.jsonl:2: the first line has no key 'b', expected the same keys in every line");
  CHECK(refused("{\"a\": 1}\n[1]\n") == "b.jsonl:2: no object, expected an object, {\"name\": value, ...}");
  CHECK(refused("{\"a\": 1}\n{\"a\": \n") == "b.jsonl:2: no JSON, expected an object, {\"name\": value, ...}");
  CHECK(refused("{\"a\": [1, 2]}\n{\"a\": [1]}\n") == "b.jsonl:2: 'a' is 1 long, expected an array of 2, as in the first line");
  CHECK(refused("{\"a\": [1, 2]}\n{\"a\": [1, \"x\"]}\n") == "b.jsonl:2: 'a' has an element that is no number, expected numbers");
  CHECK(refused("{\"a\": 1}\n{\"a\": {\"b\": 1}}\n") == "b.jsonl:2: 'a' is an object, expected a number, a text or a bool, as in the first line");
  CHECK(refused("{\"a\": 1}\n{\"a\": null}\n") == "b.jsonl:2: no value for 'a' (1 in all)");
  CHECK(refused(std::string(1000, '[') + "\n") == "b.jsonl:1: values in each other more than 64 deep, expected at most 64");
  CHECK(refused("{\"a\": [[[]]]}\n") == "b.jsonl:1: an empty array, expected numbers in it");
}
