// Walks tests/frontend/values: models whose outputs are compared with the numbers that stand under them in `#=` lines.
// Inputs called x hold 0, 1, 2 ... , those called y hold -1, -0.5, 0, 0.5, 1, those called label hold 0, 1, 2, 0, 1
// ...; the batch is 2.
#include "passes/differentiate.h"
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

struct Expected {
  std::string output;
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
    if (word != "#=") continue;
    Expected e{.output = last, .numbers = {}};
    for (std::string n; words >> n;) e.numbers.push_back(std::stod(n));
    out.push_back(std::move(e));
  }
  return out;
}

} // namespace

TEST_CASE("outputs have the values that stand under them") {
  int checked = 0;
  std::vector<fs::path> files;
  for (auto const& entry : fs::directory_iterator(fs::path(NNC_SOURCE_DIR) / "tests" / "frontend" / "values"))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (auto const& path : files) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    std::string file = path.filename().string();
    CAPTURE(file);
    Compiled program(text.str(), {.batch_anywhere = true});
    PassContext context; // derivatives are compared exactly
    program.result.module = differentiate(std::move(program.result.module), context).module;
    std::map<std::string, Tensor> given;
    for (auto const& i : program.result.inputs) {
      std::vector<i64> shape;
      for (auto const& d : i.type.shape) shape.push_back(d.value({2, {}}));
      given[i.name] = filled(i.name, i.type.dtype, shape);
    }
    auto outputs = program.run("run", given);
    for (auto const& e : expectations(text.str())) {
      std::string output = e.output;
      CAPTURE(output);
      REQUIRE(outputs.contains(output));
      Tensor const& t = outputs[output];
      REQUIRE(t.size() == static_cast<i64>(e.numbers.size()));
      for (size_t k = 0; k < e.numbers.size(); ++k) {
        f64 got = t.f.empty() ? static_cast<f64>(t.i[k]) : t.f[k];
        bool near = got == e.numbers[k] ||
                    std::abs(got - e.numbers[k]) <= 2e-5 * std::max(1.0, std::abs(e.numbers[k])) ||
                    (std::isnan(got) && std::isnan(e.numbers[k]));
        CHECK_MESSAGE(near, fmt::format("element {}: expected {}, got {}", k, e.numbers[k], got));
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
