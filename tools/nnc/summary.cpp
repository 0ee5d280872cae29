#include "tools/nnc/summary.h"

#include "tools/nnc/screen.h"
#include "tools/nnc/text_table.h"

#include <algorithm>
#include <fmt/core.h>
#include <map>

namespace command {
namespace {

// "502 k", "1.25 G": three digits that matter.
std::string short_count(double count) {
  constexpr char const* units[] = {"", " k", " M", " G", " T", " P"};
  size_t unit = 0;
  while (count >= 999.5 && unit + 1 < std::size(units)) count /= 1000, ++unit;
  if (unit == 0) return fmt::format("{}", static_cast<std::int64_t>(count));
  return fmt::format("{:.{}f}{}", count, count < 9.995 ? 2 : count < 99.95 ? 1 : 0, units[unit]);
}

// The type of one example: "u8[28,28]" of u8[batch,28,28].
std::string type_of_row(std::string const& type) {
  auto const bracket = type.find('[');
  auto const comma = type.find(',', bracket);
  if (type.compare(bracket, 6, "[batch") != 0) return type;
  return comma == std::string::npos ? type.substr(0, bracket) : type.substr(0, bracket + 1) + type.substr(comma + 1);
}

std::int64_t elements(nnc::TensorInfo const& info) {
  std::int64_t count = 1;
  for (auto const extent : info.shape) count *= extent;
  return count;
}

std::string data_text(nnc::Program const& program) {
  TextTable table({"data", "a row is", ""}, "ttt");
  for (auto const& info : program.inputs())
    table.add({"  " + nnc::printable(info.name), type_of_row(info.type), info.is_target ? "target" : "input"});
  return table.size() == 0 ? "" : "\n" + table.text();
}

// A path that a tag has named does not tell the function.
std::string name_of(nnc::Layer const& call) {
  auto const last = call.path.substr(call.path.rfind('.') + 1);
  return last.starts_with(call.function) ? call.path : fmt::format("{} ({})", call.path, call.function);
}

std::string calls_text(nnc::Program const& program, nnc::Overview const& all) {
  TextTable table({"calls", "give", "parameters", "states", "flops"}, "ttnnn");
  auto const count = [](std::int64_t n) { return n > 0 ? grouped(n) : std::string(); };
  std::map<std::string, bool> declares; // by path; the second call of a tag shares what the first one declares
  for (auto const& call : all.calls) {
    std::string types;
    for (auto const& type : call.types) types += (types.empty() ? "" : " ") + type;
    auto const [first, fresh] = declares.try_emplace(call.path, call.parameters + call.states > 0);
    auto const weights = fresh || !first->second ? count(call.parameters) : "shared";
    table.add({std::string(2 + 2 * static_cast<size_t>(call.depth), ' ') + nnc::printable(name_of(call)), types,
               weights, count(call.states), call.flops > 0 ? short_count(call.flops) : ""});
  }
  if (table.size() == 0) return "";
  return fmt::format("\n{}  flops are those of a forward pass over a batch of {}: {} of all, {} for an example\n",
                     table.text(), program.batch(), short_count(all.flops),
                     short_count(all.flops / static_cast<double>(program.batch())));
}

std::string weights_text(nnc::Program const& program, nnc::Overview const& all) {
  TextTable table({"parameters", "", ""}, "ttt");
  std::int64_t weights = 0, trained = 0;
  for (auto const& info : program.parameters()) {
    bool const is_trained = std::find(all.trained.begin(), all.trained.end(), info.name) != all.trained.end();
    weights += elements(info);
    if (is_trained) trained += elements(info);
    table.add({"  " + nnc::printable(info.name), info.type, program.can_train() && !is_trained ? "not trained" : ""});
  }
  std::string out = table.size() == 0 ? "" : "\n" + table.text();
  out += fmt::format("{}{} weights", table.size() == 0 ? "\n" : "  ", grouped(weights));
  if (program.can_train() && weights > 0)
    out += trained == weights ? ", all of them trained" : fmt::format(", {} of them trained", grouped(trained));
  TextTable states({"states", ""}, "tt");
  for (auto const& info : all.states) states.add({"  " + nnc::printable(info.name), info.type});
  return out + "\n" + (states.size() == 0 ? "" : "\n" + states.text());
}

std::string results_text(nnc::Program const& program, nnc::Overview const& all) {
  TextTable table({"results", "", ""}, "ttt");
  for (auto const& info : program.outputs()) table.add({"  output", nnc::printable(info.name), info.type});
  for (auto const& name : all.losses) table.add({"  loss", nnc::printable(name), ""});
  for (auto const& name : all.metrics) table.add({"  metric", nnc::printable(name), ""});
  return table.size() == 0 ? "" : "\n" + table.text();
}

std::string numbers_text_of(nnc::Program const& program, nnc::Overview const& all) {
  TextTable table({"numbers", "--set NAME=VALUE"}, "tt");
  for (auto const& scalar : program.scalars()) table.add({"  " + scalar.name, fmt::format("{}", scalar.value)});
  for (auto const& [name, value] : all.settings) table.add({"  " + name, value});
  return table.size() == 0 ? "" : "\n" + table.text();
}

std::string memory_line(nnc::Program const& program, nnc::Overview const& all) {
  std::map<std::string, std::int64_t> by_kind;
  std::int64_t total = 0;
  for (auto const& holder : all.memory) by_kind[holder.kind] += holder.bytes, total += holder.bytes;
  std::string parts;
  for (auto const& [kind, words] : {std::pair{"parameter", "parameters"},
                                    {"state", "states"},
                                    {"optimizer", "states of the optimizer"},
                                    {"value", "intermediate values"},
                                    {"scratch", "scratch of a thread"}})
    if (by_kind[kind] > 0) parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", bytes_text(by_kind[kind]), words);
  return fmt::format("\nmemory to {} a batch of {}: {} beside the data{}\n", program.can_train() ? "train" : "run",
                     program.batch(), bytes_text(total), parts.empty() ? "" : "\n  " + parts);
}

} // namespace

std::string bytes_text(std::int64_t bytes) {
  auto const text = short_count(static_cast<double>(bytes));
  return text + (text.find(' ') == std::string::npos ? " B" : "B");
}

std::string summary_text(nnc::Program const& program) {
  auto const all = program.overview();
  auto text = nnc::printable(program.summary()) + "\n" + data_text(program) + calls_text(program, all);
  text += weights_text(program, all) + results_text(program, all) + numbers_text_of(program, all);
  return text + memory_line(program, all);
}

std::string choices_text(std::string const& file, std::vector<nnc::Choice> const& choices) {
  auto const trains = std::count_if(choices.begin(), choices.end(), [](auto const& c) { return c.trains; });
  if (trains == 1 || choices.size() < 2) return "";
  std::string out = fmt::format("{} holds several programs; choose one\n", nnc::printable(file));
  TextTable rows({"", "", ""}, "ttt");
  for (auto const& choice : choices)
    rows.add({fmt::format("  nnc {}:{}", nnc::printable(file), nnc::printable(choice.name)),
              choice.trains ? fmt::format("trains {}", nnc::printable(choice.model)) : "a model that nothing trains",
              fmt::format("line {}", choice.at.line)});
  return out + rows.text().substr(1);
}

} // namespace command
