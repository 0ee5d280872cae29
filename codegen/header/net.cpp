#include "codegen/header/net.h"

namespace nnc {

Net::Net(Module const& m, HeaderOptions const& o) : module(m), options(o), face(face_of(m)) {
  if (m.training) train = m.function("train_step"); // without a train block it would train nothing
  for (auto const* f : {train, m.function("evaluate")})
    if (f && !reports_of(*f).empty()) reporting.push_back(f);
  if (!face.outputs.empty()) run = m.function("run");
}

std::vector<Net::Block> Net::blocks() const {
  std::vector<Block> all{
      {"parameters", Role::param, &face.parameters, options.has_weights ? "@_weights" : nullptr},
      {"states", Role::state, &face.states, options.has_states ? "@_weight_states" : nullptr},
      {"optimizer", Role::optimizer, &face.optimizer, nullptr},
  };
  std::erase_if(all, [](Block const& b) { return b.members->empty(); });
  return all;
}

f64 Net::value_of(std::string const& number) const {
  if (module.training)
    for (auto const& s : module.training->scalars)
      if (s.name == number) return s.value;
  return 0;
}

std::string Net::word_of(Function const& f) { return f.name == "train_step" ? "train" : f.name; }

std::string harmless(std::string text) {
  for (char& c : text)
    if (c == '*' || c == '\\' || c == '@' || static_cast<unsigned char>(c) < ' ') c = ' ';
  return text;
}

std::string integer_text(i64 x) { return "INT64_C(" + std::to_string(x) + ")"; }

} // namespace nnc
