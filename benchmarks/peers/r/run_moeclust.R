# MoEClust: one response, an expert of its own variance each.
folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(folder, "driver.R"))

fit <- function(job) {
  MoE_clust(
    job$y,
    G = job$n_experts, modelNames = "V",
    gating = as.formula(paste("~", job_terms(job$gate_columns))),
    expert = as.formula(paste("~", job_terms(job$expert_columns))),
    network.data = job_frame(job)[paste0("x", seq_len(ncol(job$x)))],
    control = MoE_control(init.z = "list", z.list = list(job$posterior)),
    verbose = FALSE
  )
}

answer <- function(job, fitted) {
  if (length(job$gate_columns) > 0) {
    gate <- job_gate(fitted$gating, job$n_experts)
  } else {
    gate <- matrix(log(as.vector(fitted$parameters$pro)), ncol = 1)
  }
  list(
    stop = "Aitken, 1e-5",
    iterations = as.integer(fitted$iters),
    reported = as.numeric(tail(fitted$loglik, 1)),
    parameters = list(
      gate = job_array(gate),
      mean = job_array(do.call(rbind, lapply(fitted$expert, coef))),
      variance = job_array(as.vector(fitted$parameters$variance$sigmasq))
    )
  )
}

job_run("MoEClust", fit, answer)
