#include "tools/nnc/results/figure.h"

#include "tools/nnc/screen.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <iterator>

namespace command {
namespace {

constexpr double panel_width = 460, margin = 10;
constexpr std::size_t few = 3; // trainings whose every curve stands in the legend

nnc::Number const* find(std::vector<nnc::Number> const& numbers, std::string const& name) {
  auto const found = std::find_if(numbers.begin(), numbers.end(), [&](auto const& n) { return n.name == name; });
  return found == numbers.end() ? nullptr : &*found;
}

using Part = std::vector<nnc::Number> Moment::*;

std::vector<Point> curve(std::vector<Moment> const& moments, Part part, std::string const& name) {
  std::vector<Point> points;
  for (auto const& moment : moments)
    if (auto const* number = find(moment.*part, name))
      points.push_back({static_cast<double>(moment.step), number->value});
  return points;
}

// Names in the order in which they first come.
std::vector<std::string> names(std::vector<Course> const& courses, std::vector<Part> const& parts) {
  std::vector<std::string> out;
  for (auto const& course : courses)
    for (auto const* moments : {&course.epochs, &course.steps})
      for (auto const& moment : *moments)
        for (auto const part : parts)
          for (auto const& number : moment.*part)
            if (std::find(out.begin(), out.end(), number.name) == out.end()) out.push_back(number.name);
  return out;
}

std::string of(Course const& course, bool alone, std::string const& what) {
  if (alone) return what;
  return what == "training" ? course.name : course.name + ", " + what;
}

// A curve of each step is drawn faintly behind that of the epochs, or alone.
void add_training(Chart& chart, Course const& course, std::string const& name, std::string const& label, Color color) {
  auto const epochs = curve(course.epochs, &Moment::values, name);
  auto const steps = curve(course.steps, &Moment::values, name);
  if (!steps.empty())
    chart.series.push_back({epochs.empty() ? label : "", color, steps, false, false, !epochs.empty()});
  if (!epochs.empty()) chart.series.push_back({label, color, epochs, false, true});
}

Chart chart_of(std::vector<Course> const& courses, std::string const& name) {
  Chart chart{.title = name, .x_label = "step"};
  bool const alone = courses.size() == 1, many = courses.size() > few;
  if (many) chart.x_label += " (dashed: validation, dot: test)";
  for (std::size_t i = 0; i < courses.size(); ++i) {
    auto const& course = courses[i];
    auto const color = color_of_curve(i);
    add_training(chart, course, name, of(course, alone, "training"), color);
    auto const& moments = course.epochs.empty() ? course.steps : course.epochs;
    // A line of --log-every repeats what was measured last.
    if (auto validation = curve(moments, &Moment::validation, name); !validation.empty()) {
      auto const repeats = [](Point a, Point b) { return a.y == b.y; };
      if (course.epochs.empty())
        validation.erase(std::unique(validation.begin(), validation.end(), repeats), validation.end());
      chart.series.push_back(
          {many ? "" : of(course, alone, "validation"), alone ? color_of_curve(1) : color, validation, true, true});
    }
    if (!course.test) continue;
    if (auto const* number = find(course.test->values, name))
      chart.series.push_back({many ? "" : fmt::format("{} {}", of(course, alone, "test"), number_text(number->value)),
                              alone ? color_of_curve(3) : color,
                              {{static_cast<double>(course.test->step), number->value}},
                              false,
                              true});
  }
  return chart;
}

Chart chart_of_rates(std::vector<Course> const& courses, std::vector<std::string> const& rates) {
  Chart chart{.title = "learning rate", .x_label = "step", .linear = true};
  std::size_t color = 0;
  for (auto const& course : courses)
    for (auto const& name : rates) {
      auto const& moments = course.steps.empty() ? course.epochs : course.steps;
      auto const points = curve(moments, &Moment::rates, name);
      if (points.empty()) continue;
      chart.series.push_back({courses.size() == 1 ? name : course.name + ", " + name, color_of_curve(color++), points,
                              false, points.size() < 3});
    }
  return chart;
}

// At most about ten ends of epochs, where all trainings have them at the same steps.
void mark_epochs(std::vector<Chart>& charts, std::vector<Course> const& courses) {
  if (courses.size() != 1) return;
  auto const& epochs = courses[0].epochs;
  if (epochs.empty()) return;
  auto const all = ticks(0, static_cast<double>(std::max<std::int64_t>(2, epochs.back().epoch)), 10);
  auto const every = std::max<std::int64_t>(1, std::llround(all[1] - all[0]));
  for (auto& chart : charts) {
    chart.marks_label = "epoch";
    for (auto const& moment : epochs)
      if (moment.epoch % every == 0) chart.marks.emplace_back(moment.step, std::to_string(moment.epoch));
  }
}

Heat heat_of(nnc::Table const& table, std::string const& title) {
  Heat heat{.title = title, .rows = table.rows, .values = table.values};
  heat.height = static_cast<std::size_t>(table.shape[0]);
  heat.width = static_cast<std::size_t>(table.shape[1]);
  bool const square = heat.height == heat.width;
  if (square) heat.columns = heat.rows;
  heat.by_row = square && table.name.find("confusion") != std::string::npos; // as the library counts: rows are labels
  if (heat.by_row) heat.row_label = "label", heat.column_label = "guess";
  return heat;
}

// A number for each class, and another one for each: columns of one table.
void add_column(std::vector<Heat>& heats, nnc::Table const& table, std::string const& column, std::string const& part) {
  auto const height = static_cast<std::size_t>(table.shape[0]);
  auto heat = std::find_if(heats.begin(), heats.end(), [&](auto const& h) {
    return h.height == height && h.rows == table.rows && h.title.ends_with(part) && !h.by_row;
  });
  if (heat == heats.end()) heat = heats.insert(heats.end(), {.title = part, .rows = table.rows, .height = height});
  if (heat->columns.empty()) heat->title = table.name + part;
  else if (heat->title != table.name + part) heat->title = "by row" + part;
  std::vector<double> values;
  for (std::size_t i = 0; i < height; ++i) {
    for (std::size_t k = 0; k < heat->width; ++k) values.push_back(heat->values[i * heat->width + k]);
    values.push_back(table.values[i]);
  }
  heat->values = std::move(values);
  heat->columns.push_back(column);
  ++heat->width;
}

} // namespace

std::vector<Chart> charts_of(std::vector<Course> const& courses) {
  std::vector<Chart> charts;
  for (auto const& name : names(courses, {&Moment::values, &Moment::validation}))
    charts.push_back(chart_of(courses, name));
  if (auto const rates = names(courses, {&Moment::rates}); !rates.empty())
    charts.push_back(chart_of_rates(courses, rates));
  mark_epochs(charts, courses);
  return charts;
}

std::vector<Heat> heats_of(std::vector<Course> const& courses) {
  std::vector<Heat> squares, columns;
  bool const alone = courses.size() == 1;
  for (auto const& course : courses) {
    auto const* const last = course.last();
    std::vector<nnc::Table> const none;
    bool const test = course.test && !course.test->tables.empty();
    bool const validation = !test && last && !last->validation_tables.empty();
    auto const& tables = test ? course.test->tables : validation ? last->validation_tables : last ? last->tables : none;
    std::string const part = test ? "test" : validation ? "validation" : "training";
    for (auto const& table : tables) {
      if (table.values.empty()) continue;
      if (table.shape.size() == 2)
        squares.push_back(heat_of(table, fmt::format("{}, {}", table.name, of(course, alone, part))));
      if (table.shape.size() == 1)
        add_column(columns, table, alone ? table.name : course.name + ", " + table.name, ", " + part);
    }
  }
  std::move(columns.begin(), columns.end(), std::back_inserter(squares));
  return squares;
}

Scene scene_of(Heat const& heat) {
  Scene scene{.width = panel_width, .height = height_of(heat, panel_width)};
  draw(scene, heat, 0, 0, panel_width);
  return scene;
}

Scene figure_of(std::vector<Course> const& courses, std::string const& title) {
  auto const charts = charts_of(courses);
  auto const heats = heats_of(courses);
  Scene scene;
  auto const columns = charts.size() + heats.size() < 2 ? 1 : 2;
  scene.width = 2 * margin + columns * panel_width;
  double y = margin;
  if (!title.empty()) {
    scene.add(Scene::Text{{margin + 12, y + 20}, title, 17, Scene::Anchor::start, {20, 20, 20}});
    scene.width = std::max(scene.width, width_of(title, 17) + 4 * margin);
    y += 32;
  }
  int column = 0;
  double row = 0; // how high the panels of this row are
  auto const next = [&](double height) {
    double const x = margin + column * panel_width;
    row = std::max(row, height);
    return x;
  };
  auto const done = [&] {
    if (++column < columns) return;
    y += row, row = 0, column = 0;
  };
  for (auto const& chart : charts) {
    draw(scene, chart, next(height_of(chart, panel_width)), y, panel_width);
    done();
  }
  for (auto const& heat : heats) {
    draw(scene, heat, next(height_of(heat, panel_width)), y, panel_width);
    done();
  }
  scene.height = y + row + margin;
  return scene;
}

} // namespace command
