# mixtools: hmeEM (two experts, one column in the gate), regmixEM where weights are constant.
folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(folder, "driver.R"))

fit <- function(job) {
  start <- job$start
  x <- job$x[, job$expert_columns, drop = FALSE]
  sink(nullfile())
  on.exit(sink())
  if (length(job$gate_columns) > 0) {
    # Its gate is that of the first expert against the second.
    hmeEM(
      job$y, x,
      beta = t(start$mean), sigma = sqrt(start$variance),
      w = start$gate[1, ] - start$gate[2, ], k = 2
    )
  } else {
    weight <- exp(start$gate[, 1])
    regmixEM(
      job$y, x,
      lambda = weight / sum(weight), beta = t(start$mean), sigma = sqrt(start$variance),
      k = job$n_experts
    )
  }
}

answer <- function(job, fitted) {
  if (length(job$gate_columns) > 0) {
    gate <- rbind(as.vector(fitted$w), 0)
  } else {
    gate <- matrix(log(fitted$lambda), ncol = 1)
  }
  list(
    stop = "gain below 1e-8",
    iterations = length(fitted$all.loglik) - 1,
    reported = fitted$loglik,
    parameters = list(
      gate = job_array(gate),
      mean = job_array(t(fitted$beta)),
      variance = job_array(as.vector(fitted$sigma)^2)
    )
  )
}

job_run("mixtools", fit, answer)
