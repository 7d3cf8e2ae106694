# What the drivers of R packages share: the same folder of files as the drivers of Python packages.

job_read <- function(folder) {
  job <- jsonlite::fromJSON(file.path(folder, "job.json"))
  read <- function(name, columns) {
    values <- readBin(file.path(folder, name), "double", n = job$n * columns, endian = "little")
    matrix(values, nrow = job$n, ncol = columns)
  }
  job$x <- read("x.bin", job$d)
  job$y <- read("y.bin", job$outputs)[, 1]
  # Positions count from zero in the file.
  job$gate_columns <- as.integer(unlist(job$gate_columns)) + 1L
  job$expert_columns <- as.integer(unlist(job$expert_columns)) + 1L
  if (!is.null(job$start)) job$posterior <- read("posterior.bin", job$n_experts)
  job$folder <- folder
  job
}

# x and y under the names x1, x2, ..., y.
job_frame <- function(job) {
  frame <- as.data.frame(job$x)
  names(frame) <- paste0("x", seq_len(ncol(job$x)))
  frame$y <- job$y
  frame
}

# The right-hand side of a formula in some columns.
job_terms <- function(columns) {
  if (length(columns) == 0) "1" else paste0("x", columns, collapse = " + ")
}

# Coefficients of a gate (K, 1 + d) from those of nnet's multinom, whose first class is zero.
job_gate <- function(fitted, n_experts) {
  found <- matrix(coef(fitted), nrow = n_experts - 1)
  rbind(0, found)
}

# Time `fit`, as often as repeats and the limit allow; the answer is written after each time.
job_run <- function(package, fit, answer) {
  job <- job_read(commandArgs(trailingOnly = TRUE)[1])
  suppressPackageStartupMessages(suppressWarnings(library(package, character.only = TRUE)))
  file.create(file.path(job$folder, "started"))
  best <- Inf
  spent <- 0
  done <- 0
  while (done < job$repeats && spent + min(best, spent) <= job$limit) {
    set.seed(1)
    gc()
    began <- proc.time()
    fitted <- fit(job)
    taken <- proc.time() - began
    seconds <- sum(taken[c("user.self", "sys.self")])
    best <- min(best, seconds)
    spent <- spent + seconds
    done <- done + 1
    told <- c(
      list(version = as.character(packageVersion(package)), seconds = best, repeats = done),
      answer(job, fitted)
    )
    text <- jsonlite::toJSON(told, auto_unbox = TRUE, digits = NA, null = "null", na = "null")
    unfinished <- file.path(job$folder, "answer.tmp")
    writeLines(text, unfinished)
    file.rename(unfinished, file.path(job$folder, "answer.json"))
  }
}

# A matrix or vector as nested arrays, also where one of its dimensions is 1.
job_array <- function(values) I(unname(values))
