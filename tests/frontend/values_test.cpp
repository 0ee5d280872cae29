// Walks tests/frontend/values: models whose outputs are compared with the numbers that stand under them in `#=` lines.
// Inputs called x hold 0, 1, 2 ... , those called y hold -1, -0.5, 0, 0.5, 1, those called label hold 0, 1, 2, 0, 1
// ...; the batch is 2. Element k of a parameter whose path has n letters is sin(n + k); states have their initial
// values. A line `# step: NAME` stands in front of the numbers of another result of the training step: a state after
// it, or `gradient of` a parameter. values/reference.py writes the numbers of the files that it names.
#include "passes/pass.h"
#include "tests/frontend/program.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <sstream>

using namespace nnc;
using namespace nnc::test;

namespace {

namespace fs = std::filesystem;

Tensor filled(std::string const& name, DType dtype, std::vector<i64> shape) {
  Tensor t = Tensor::zeros(dtype, std::move(shape));
  for (size_t k = 0; k < t.f.size(); ++k)
    t.f[k] = name == "y" ? static_cast<f64>(k % 5) * 0.5 - 1 : static_cast<f64>(k);
  for (size_t k = 0; k < t.i.size(); ++k) t.i[k] = name == "label" ? static_cast<i64>(k % 3) : static_cast<i64>(k);
  return t;
}

constexpr char const* of_step = "# step: ";

struct Expected {
  std::string output; // its name; of_step and the name of another result of the training step
  std::vector<f64> numbers;
};

std::vector<Expected> expectations(std::string const& text) {
  std::vector<Expected> out;
  std::stringstream in(text);
  std::string last;
  for (std::string line; std::getline(in, line);) {
    auto begin = line.find_first_not_of(' ');
    if (begin == std::string::npos) continue;
    std::stringstream words(line.substr(begin));
    std::string word;
    words >> word;
    if (word == "output") words >> last;
    if (line.substr(begin).starts_with(of_step)) last = line.substr(begin);
    if (word != "#=") continue;
    if (out.empty() || out.back().output != last) out.push_back({.output = last, .numbers = {}});
    for (std::string n; words >> n;) out.back().numbers.push_back(std::stod(n));
  }
  return out;
}

// What the functions of a program are given: inputs, parameters and states.
std::map<std::string, Tensor> given_to(Compiled const& program) {
  auto shape_of = [](Type const& type) {
    std::vector<i64> shape;
    for (auto const& d : type.shape) shape.push_back(d.value({2, {}}));
    return shape;
  };
  auto given = program.run("initialize");
  for (auto const& i : program.result.inputs) given[i.name] = filled(i.name, i.type.dtype, shape_of(i.type));
  auto const& f = program.function("loss");
  for (auto const& a : f.arguments) {
    if (a.role != Role::param) continue;
    std::string const& path = f.values[a.value].name;
    Tensor& t = given[path] = Tensor::zeros(f.type(a.value).dtype, shape_of(f.type(a.value)));
    for (size_t k = 0; k < t.f.size(); ++k) t.f[k] = std::sin(static_cast<f64>(path.size() + k));
  }
  return given;
}

// f64 is compared with ten digits, narrower dtypes with what f32 keeps after some operations.
bool near(f64 got, f64 expected, DType dtype) {
  f64 const tolerance = dtype == DType::f64 ? 2e-9 : 2e-5;
  return got == expected || std::abs(got - expected) <= tolerance * std::max(1.0, std::abs(expected)) ||
         (std::isnan(got) && std::isnan(expected));
}

} // namespace

TEST_CASE("outputs have the values that stand under them") {
  int checked = 0;
  std::vector<fs::path> files;
  for (auto const& entry : fs::directory_iterator(fs::path(NNC_SOURCE_DIR) / "tests" / "frontend" / "values"))
    if (entry.path().extension() == ".nn") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (auto const& path : files) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    std::string file = path.filename().string();
    CAPTURE(file);
    Compiled program(text.str(), {.batch_anywhere = true, .batch_number = 2});
    PassContext context; // derivatives are compared exactly
    program.result.module = pass_named("differentiate")->run(std::move(program.result.module), context).module;
    auto const given = given_to(program);
    auto outputs = program.run("run", given);
    for (auto& [name, value] : program.run("loss", given)) outputs[of_step + name] = std::move(value);
    for (auto const& e : expectations(text.str())) {
      std::string output = e.output;
      CAPTURE(output);
      REQUIRE(outputs.contains(output));
      Tensor const& t = outputs[output];
      REQUIRE(t.size() == static_cast<i64>(e.numbers.size()));
      for (size_t k = 0; k < e.numbers.size(); ++k) {
        f64 got = t.f.empty() ? static_cast<f64>(t.i[k]) : t.f[k];
        CHECK_MESSAGE(near(got, e.numbers[k], t.dtype),
                      fmt::format("element {}: expected {}, got {}", k, e.numbers[k], got));
        ++checked;
      }
    }
  }
  CHECK(checked > 100);
}

TEST_CASE("the library leaves batch in front") {
  Compiled program(R"(model m {
  input x: f32[batch, 2, 4]
  a, b = split(x, 2)
  output last = b - a
  output middle = split(x, 2, axis = 1)[1]
  output slice = unstack(x, axis = 1)[1]
  output same = stack(unstack(x, axis = -1), axis = -1) - x
  output behind = stack(x[:, 0, 0], x[:, 1, 1], axis = 1)
})");
  Tensor x = floats({2, 2, 4}, {});
  for (int k = 0; k < 16; ++k) x.f.push_back(k);
  auto outputs = program.run("run", {{"x", x}});
  CHECK(outputs["last"].f == std::vector<f64>(8, 2));
  CHECK(outputs["middle"].f == std::vector<f64>{4, 5, 6, 7, 12, 13, 14, 15});
  CHECK(outputs["slice"].f == outputs["middle"].f);
  CHECK(outputs["same"].f == std::vector<f64>(16, 0));
  CHECK(outputs["behind"].f == std::vector<f64>{0, 5, 8, 13});
}
