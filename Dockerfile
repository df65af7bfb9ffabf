# predictd with the bundled models: `docker build -t predictd . && docker run --rm -p 8001:8001 predictd`.
# Other models: `-v "$PWD/my-models:/app/models:ro"`.

FROM node:24-bookworm-slim AS base
WORKDIR /app
# The ONNX Runtime comes with its CPU library; its install script would fetch CUDA files that this image cannot use.
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

FROM base AS server
# Before the runtime's library loads, in the real environment: it then keeps no usage file and sends nothing.
ENV NODE_ENV=production \
  ORT_DISABLE_TELEMETRY=1 \
  PREDICTD_HOST=0.0.0.0
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY bin bin
COPY proto proto
COPY generated/image.binpb generated/image.binpb
COPY models models
USER node
EXPOSE 8001
# Drains on SIGTERM: not serving, wait, finish what runs, exit.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD node bin/predictd.js health --address "127.0.0.1:${PREDICTD_GRPC_PORT:-8001}" --timeout-ms 4000
ENTRYPOINT ["node", "--initial-old-space-size=256", "bin/predictd.js"]
CMD ["serve", "models"]
