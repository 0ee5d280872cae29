#include "runtime/c/values.h"

#include "runtime/c/structs.h"

namespace nnc::c {

nnc_problem shown(Problem const& problem) {
  return {sizeof(nnc_problem),     problem.at.file.c_str(), problem.at.line,      problem.at.column,
          problem.message.c_str(), problem.help.c_str(),    problem.text.c_str(), count_of(problem.notes)};
}

nnc_note shown(std::pair<Position, std::string> const& note) {
  return {sizeof(nnc_note), note.first.file.c_str(), note.first.line, note.first.column, note.second.c_str()};
}

nnc_tensor shown(TensorInfo const& info) {
  return {sizeof(nnc_tensor), info.name.c_str(),    info.dtype.c_str(), info.type.c_str(),
          info.shape.data(),  count_of(info.shape), info.is_target};
}

void Tables::show(std::vector<Table> const& tables) {
  shown_.clear();
  rows_.resize(tables.size());
  for (std::size_t i = 0; i < tables.size(); ++i) {
    auto const& table = tables[i];
    auto& rows = rows_[i];
    rows.clear();
    for (auto const& row : table.rows) rows.push_back(row.c_str());
    shown_.push_back({table.name.c_str(), rows.empty() ? nullptr : rows.data(), table.shape.data(),
                      static_cast<std::int64_t>(table.shape.size()), table.values.data(),
                      static_cast<std::int64_t>(table.values.size())});
  }
}

nnc_reports shown(Reports const& reports, Numbers const& values, Tables const& tables) {
  return {sizeof(nnc_reports),  values.data(),   values.size(), reports.examples, reports.bad_step,
          reports.zero_divided, reports.clamped, tables.data(), tables.size()};
}

} // namespace nnc::c

using namespace nnc::c;

extern "C" {

char const* nnc_text_data(nnc_text const* text) { return text ? text->bytes.c_str() : ""; }
size_t nnc_text_size(nnc_text const* text) { return text ? text->bytes.size() : 0; }
void nnc_text_free(nnc_text* text) { delete text; }

int64_t nnc_arrays_count(nnc_arrays const* arrays) { return arrays ? count_of(arrays->arrays) : 0; }

nnc_status nnc_arrays_get(nnc_arrays const* arrays, int64_t index, nnc_array* out) {
  return guarded([&] {
    auto const& array = element_of(required(arrays, "arrays").arrays, index, "array");
    fill(out,
         nnc_array{sizeof(nnc_array), array.name.c_str(), array.dtype.c_str(), array.shape.data(),
                   count_of(array.shape), array.bytes.data(), array.bytes.size()},
         "out");
  });
}

void nnc_arrays_free(nnc_arrays* arrays) { delete arrays; }

} // extern "C"
