/** One execution at a time runs at one place, and bad delegates do not finish theirs: each gets a place of its own. */
export const BAD_PLACES = 200;

/** What is deployed while somebody misbehaves: one step at the good delegate (`held`: one that waits), or at a bad one.
 * `good` and `bad` are selectors. */
export const DOCUMENTS = `
apiVersion: outrider/v1
kind: Service
metadata: { application: Fuzz, name: web }
spec:
  strategy: REPLICA
  artifact: { image: library/nginx }
  taskDefinition:
    family: web
    containerDefinitions: [{ name: web, image: "\${DOCKER_IMAGE_NAME}", memory: 64 }]
  serviceDefinition: { serviceName: web, desiredCount: 2 }
---
apiVersion: outrider/v1
kind: Environment
metadata: { application: Fuzz, name: stage }
spec: { type: NON_PROD }
${infrastructureAndWorkflow('good', 'good')}
${infrastructureAndWorkflow('held', 'good')}
${Array.from({ length: BAD_PLACES }, (_, index) => infrastructureAndWorkflow(`bad-${index}`, 'bad')).join('')}`;

function infrastructureAndWorkflow(name: string, selector: string): string {
  return `
---
apiVersion: outrider/v1
kind: Infrastructure
metadata: { application: Fuzz, name: ${name} }
spec:
  environment: stage
  region: us-east-1
  cluster: example
  launchType: EC2
  delegate: { selectors: [${selector}] }
---
apiVersion: outrider/v1
kind: Workflow
metadata: { application: Fuzz, name: ${name} }
spec:
  type: CANARY
  environment: stage
  phases:
    - name: Canary
      service: web
      infrastructure: ${name}
      sections:
        Deploy Containers:
          - { name: Deploy, type: ecs-canary-deploy }
      rollback: {}
`;
}
