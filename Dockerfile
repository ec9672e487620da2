# syntax=docker/dockerfile:1
# Three images of one build: docker build --target api|maintenance|setup .
FROM node:22-bookworm-slim AS build
WORKDIR /repository
COPY . .
RUN --mount=type=cache,target=/pnpm-store containers/build.sh /out

FROM node:22-bookworm-slim AS base
ENV NODE_ENV=production
WORKDIR /app
# Of the image, without rights to what it runs.
USER node

FROM base AS api
COPY --from=build /out/api ./
ENV ORG_API_HOST=0.0.0.0
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ORG_API_PORT||3000}/health/ready`).then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
CMD ["node", "--import", "tsx", "src/server.ts"]

FROM base AS maintenance
COPY --from=build /out/maintenance ./
ENV ORG_MAINTENANCE_METRICS_HOST=0.0.0.0
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ORG_MAINTENANCE_METRICS_PORT||9464}/health/live`).then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
CMD ["node", "--import", "tsx", "src/main.ts"]

# org-db on the repository's db.config.ts: setup by default, any other command as its arguments.
FROM base AS setup
COPY --from=build /out/setup ./
ENTRYPOINT ["node_modules/.bin/org-db"]
CMD ["setup"]
