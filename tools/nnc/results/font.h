// The font of pictures: strokes, to be drawn as lines of any width and size.
#pragma once

#include "tools/nnc/results/scene.h"

namespace command {

// The strokes of a text whose base line begins at the origin; y grows upwards. A line of text of this size has capitals
// of 0.7 of it. What is not ASCII is drawn as a box.
std::vector<std::vector<Point>> strokes_of(std::string const& text, double size);

} // namespace command
