# predictd with the bundled models: `docker build -t predictd . && docker run --rm -p 8001:8001 predictd`.
# On NVIDIA graphics processors: `docker build --target cuda -t predictd:cuda . && docker run --rm --gpus all -p 8001:8001 predictd:cuda`.
# Other models: `-v "$PWD/my-models:/app/models:ro"`.

# CUDA 12 with cuDNN 9, which the CUDA provider of this onnxruntime is built for.
ARG CUDA_IMAGE=nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04

FROM node:24-bookworm-slim AS base
WORKDIR /app
# The ONNX Runtime comes with its CPU library; its install script would fetch CUDA files, which only the stage `cuda-libraries` wants.
ENV ONNXRUNTIME_NODE_INSTALL=skip

FROM base AS build
COPY package.json package-lock.json .npmrc ./
# Not `npm ci`: the lockfile may lack other platforms' optional packages.
RUN npm install --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY generated generated
RUN npm run build

FROM base AS dependencies
COPY package.json package-lock.json .npmrc ./
RUN npm install --omit=dev --no-audit --no-fund \
  # Libraries for other systems, some 200 MB.
  && rm -rf node_modules/onnxruntime-node/bin/napi-v6/darwin node_modules/onnxruntime-node/bin/napi-v6/win32

# What both images serve.
FROM base AS app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY bin bin
COPY proto proto
COPY generated/image.binpb generated/image.binpb
COPY models models

# The CUDA provider of the same release, some 270 MB from NuGet; there is one for Linux on x64 only.
FROM dependencies AS cuda-libraries
# SHA-256 of libonnxruntime_providers_cuda.so, checked when it is given.
ARG CUDA_PROVIDER_SHA256=
# `true` means everything there is for this platform; the script does not act on the word `cuda12`.
RUN ONNXRUNTIME_NODE_INSTALL=true node node_modules/onnxruntime-node/script/install.js \
  && mkdir /cuda-libraries \
  && mv node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so \
    node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_shared.so /cuda-libraries/ \
  && if [ -n "$CUDA_PROVIDER_SHA256" ]; then \
    echo "$CUDA_PROVIDER_SHA256  /cuda-libraries/libonnxruntime_providers_cuda.so" | sha256sum --check; \
  fi

FROM ${CUDA_IMAGE} AS cuda
WORKDIR /app
COPY --from=base /usr/local/bin/node /usr/local/bin/node
COPY --from=app /app ./
COPY --from=cuda-libraries /cuda-libraries node_modules/onnxruntime-node/bin/napi-v6/linux/x64
# A provider for another CUDA would only be found out when the first model loads. The driver itself, libcuda, comes from the host.
RUN missing="$(ldd node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so | grep 'not found' | grep -v 'libcuda\.so')"; \
  if [ -n "$missing" ]; then echo "The CUDA provider does not fit this image: $missing" >&2; exit 1; fi; \
  ldconfig -p | grep -q 'libcudnn\.so\.9'
# Before the runtime's library loads, in the real environment: it then keeps no usage file and sends nothing.
ENV NODE_ENV=production \
  ORT_DISABLE_TELEMETRY=1 \
  GLIBC_TUNABLES=glibc.malloc.hugetlb=1 \
  PREDICTD_HOST=0.0.0.0
# By number, so that whoever runs it can see that it is not root.
USER 1000:1000
EXPOSE 8001
# Drains on SIGTERM: not serving, wait, finish what runs, exit.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
  CMD node bin/predictd.js health --address "127.0.0.1:${PREDICTD_GRPC_PORT:-8001}" --timeout-ms 4000
ENTRYPOINT ["node", "--initial-old-space-size=256", "bin/predictd.js"]
CMD ["serve", "models"]

# Last, so that it is what `docker build .` makes.
FROM base AS cpu
COPY --from=app /app ./
ENV NODE_ENV=production \
  ORT_DISABLE_TELEMETRY=1 \
  GLIBC_TUNABLES=glibc.malloc.hugetlb=1 \
  PREDICTD_HOST=0.0.0.0
USER 1000:1000
EXPOSE 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD node bin/predictd.js health --address "127.0.0.1:${PREDICTD_GRPC_PORT:-8001}" --timeout-ms 4000
ENTRYPOINT ["node", "--initial-old-space-size=256", "bin/predictd.js"]
CMD ["serve", "models"]
