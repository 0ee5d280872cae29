// A program in a test: elaborated from a string, its functions run by the reference evaluator.
#pragma once

#include "frontend/frontend.h"
#include "ir/evaluate.h"

#include <doctest/doctest.h>
#include <map>

namespace nnc::test {

struct Compiled {
  std::shared_ptr<Sources> sources = std::make_shared<Sources>();
  Elaborated result;

  explicit Compiled(std::string text, Settings const& settings = {}) {
    u32 file = sources->add("test.nn", std::move(text));
    result = elaborate(sources, file, settings);
    std::string problems = render(result.diagnostics, *sources);
    REQUIRE_MESSAGE(!has_errors(result.diagnostics), problems);
  }
  Module const& module() const { return result.module; }
  Function const& function(std::string const& name) const {
    auto* f = module().function(name);
    REQUIRE_MESSAGE(f != nullptr, name);
    return *f;
  }
  // Paths of the parameters and states, in order, with their types.
  std::string kept(Role role = Role::param) const {
    std::string out;
    for (auto const& a : function("loss").arguments)
      if (a.role == role)
        out += function("loss").values[a.value].name + ": " + function("loss").type(a.value).text() + "\n";
    return out;
  }
  // Results by name. What `given` lacks takes 0, scalars their setting, `step` 1.
  std::map<std::string, Tensor> run(std::string const& name, std::map<std::string, Tensor> const& given = {},
                                    i64 batch = 2) const {
    auto const& f = function(name);
    Module bound = module();
    bound.bindings[0] = batch;
    std::vector<Tensor> inputs;
    for (auto const& a : f.arguments) {
      auto const& v = f.values[a.value];
      if (auto it = given.find(v.name); it != given.end()) {
        inputs.push_back(it->second);
        continue;
      }
      std::vector<i64> shape;
      for (auto const& d : v.type.shape) shape.push_back(d.value(bound.bindings));
      Tensor t = Tensor::zeros(v.type.dtype, shape);
      if (a.role == Role::step) t.i[0] = 1;
      if (a.role == Role::scalar && module().training)
        for (auto const& s : module().training->scalars)
          if (s.name == v.name) t.f[0] = s.value;
      inputs.push_back(std::move(t));
    }
    auto values = evaluate(bound, f, inputs);
    std::map<std::string, Tensor> out;
    for (size_t i = 0; i < values.size(); ++i) {
      std::string key = f.results[i].role == Role::gradient ? "gradient of " + f.results[i].name : f.results[i].name;
      out[key] = values[i];
    }
    return out;
  }
};

inline Tensor floats(std::vector<i64> shape, std::vector<f64> values, DType dtype = DType::f32) {
  return {.dtype = dtype, .shape = std::move(shape), .f = std::move(values), .i = {}};
}
inline Tensor ints(std::vector<i64> shape, std::vector<i64> values, DType dtype = DType::i32) {
  return {.dtype = dtype, .shape = std::move(shape), .f = {}, .i = std::move(values)};
}

} // namespace nnc::test
